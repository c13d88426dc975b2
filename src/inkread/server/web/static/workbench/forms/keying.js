// Keying one field: its picture, the value in a field below, other readings by number. Used by the queue and by batches.

import { send } from "../api.js";
import { button, h, percent, picture } from "../dom.js";
import { TYPES } from "./model.js";
import { sentence } from "./parts.js";

export const KEYS = [
  ["Enter", "Accept the value, go to the next field"],
  ["Alt+1 … Alt+9", "Take another reading; 1 … 9 alone outside the field (Esc leaves it)"],
  ["Alt+0", "The field is empty; 0 alone outside the field"],
  ["↓ / ↑", "Next field, leaving this one for later; back (also Shift+Enter)"],
  ["Ctrl+Enter", "Keep a value that does not fit its type or rule"],
];
const MOST = 9;

const pathOf = (item) => `/forms/batches/${item.batch}/forms/${item.form}/fields/${encodeURIComponent(item.field)}`;

// `on` has accepted(item, field, value) and step(by).
export class Keying {
  constructor(on) {
    this.on = on;
    this.item = null;
    this.crop = h("figure", { class: "crop" });
    this.about = h("p", { class: "hint", id: "keying-about" });
    this.label = h("label", { for: "keyed" });
    this.input = h("input", { id: "keyed", autocomplete: "off", spellcheck: "false", maxlength: 2000, "aria-describedby": "keying-about keying-problem" });
    this.wrong = h("p", { class: "problem", role: "alert", id: "keying-problem" });
    this.choices = h("div", { class: "choices", role: "group", "aria-label": "Other readings" });
    this.accept = h("button", { type: "submit" }, "Accept");
    this.empty = button("The field is empty", null, () => this.send(null), { text: "Empty", keys: "Alt+0" });
    this.keep = button("Keep it anyway", null, () => this.send(this.input.value.trim() || null, true), { text: "Keep anyway", keys: "Ctrl+Enter" });
    const form = h("form", { class: "keying" }, this.crop, this.label, this.input, this.wrong, h("div", { class: "tools" }, this.accept, this.empty, this.keep), this.choices, this.about);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(this.input.value.trim() || null);
    });
    form.addEventListener("keydown", (event) => this._key(event));
    this.input.addEventListener("input", () => this._tell(""));
    this.element = form;
  }

  // `item.options` are values that may always be taken, such as those of tick boxes.
  show(item, { readonly = false, focus = true } = {}) {
    this.item = item;
    const row = /\.(\d+)\./.exec(item.field)?.[1];
    const name = `${item.label || item.field}${row ? `, row ${row}` : ""}`;
    this.crop.replaceChildren(picture(item.image ?? `${pathOf(item)}/image`, { alt: `${name} as it is written`, loading: "eager" }));
    this.label.textContent = `${name} · form ${item.form}`;
    this.input.value = item.mine ?? item.value ?? "";
    this.input.readOnly = readonly;
    for (const element of [this.accept, this.empty]) element.hidden = readonly;
    const others = [...item.alternatives, ...[...(item.options ?? []), item.raw].map((value) => [value, null])];
    this.values = others.filter(([value], at) => value && value !== item.value && others.findIndex(([other]) => other === value) === at).slice(0, MOST);
    this.choices.replaceChildren(
      ...(readonly ? [] : this.values).map(([value, confidence], at) => h("button", { type: "button", class: "choice", onclick: () => this.send(value) }, h("kbd", {}, at + 1), h("span", {}, value), h("small", {}, percent(confidence)))),
    );
    this.about.textContent = [TYPES[item.type] ?? item.type, item.keyed_by?.length ? `keyed by ${item.keyed_by.join(", ")}` : item.value && `read with ${percent(item.confidence)}`].filter(Boolean).join(", ");
    this._tell(item.state === "invalid" && item.reason ? sentence(item.reason) : "");
    if (focus && !readonly) {
      this.input.focus({ preventScroll: true });
      this.input.select();
    }
  }

  _tell(text, kept = false) {
    this.wrong.textContent = text;
    this.keep.hidden = !kept;
    this.input.setAttribute("aria-invalid", String(kept));
  }

  async send(value, force = false) {
    const { item } = this;
    if (!item || this.sending) return;
    this.sending = true;
    try {
      const field = await send("PUT", pathOf(item), force ? { value, force } : { value });
      this.sending = false;
      this.on.accepted(item, field, value ?? "");
    } catch (error) {
      this.input.value = value ?? "";
      this._tell(error.message, error.status === 422 && !force);
      this.input.focus();
    } finally {
      this.sending = false;
    }
  }

  _key(event) {
    const inside = event.target === this.input;
    const digit = /^[0-9]$/.test(event.key) && (event.altKey || (!inside && !event.ctrlKey && !event.metaKey)) ? Number(event.key) : null;
    if (this.input.readOnly) return;
    if (digit !== null && digit <= this.values.length) this.send(digit ? this.values[digit - 1][0] : null);
    else if (event.key === "Enter" && event.ctrlKey) this.keep.hidden ? this.send(this.input.value.trim() || null) : this.keep.click();
    else if (event.key === "Enter" && event.shiftKey) this.on.step(-1);
    else if (event.key === "ArrowDown" && !event.altKey) this.on.step(1);
    else if (event.key === "ArrowUp" && !event.altKey) this.on.step(-1);
    else if (event.key === "Escape" && inside) this.accept.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
