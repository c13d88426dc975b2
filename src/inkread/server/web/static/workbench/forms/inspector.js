// The chosen field: its name, label, type, the options of that type, and its place as numbers.

import { call } from "../api.js";
import { button, h, plural, say } from "../dom.js";
import { optionsOf, TYPES } from "./model.js";

const MOST_INLINE = 200; // entries that stand in the template; longer lists are files beside it
const MOST_SHOWN = 5000;
const NAME = "[A-Za-z_][A-Za-z0-9_]*";
const SIDES = ["Left", "Top", "Width", "Height"];

export const linesOf = (text) => text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);

// A list that is saved is a new version of the template: gives the answer, with that version.
export function putList(path, name, text) {
  return call(`${path}/lists/${encodeURIComponent(name)}`, { method: "PUT", body: text, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}

export function inspect({ model, page, id, path, form, readonly, listed, select, remove }) {
  const found = model.get(page, id);
  if (!found) return [h("p", { class: "hint" }, "Choose a field on the sheet or in the list, or draw a new one.")];
  const { at, part, field, column } = found;
  const own = column ?? field;
  const set = (values) => model.set(page, id, values);
  const row = (label, control, hint) => {
    control.disabled = readonly;
    return h("div", { class: "stack" }, h("label", { for: control.id }, label), control, hint && h("span", { class: "hint" }, hint));
  };
  const input = (name, label, value, change, more = {}, hint = "") => {
    const control = h("input", { id: `of-${name}`, value: value ?? "", ...more });
    control.addEventListener("input", () => {
      const right = control.checkValidity();
      control.setAttribute("aria-invalid", String(!right));
      if (right) change(control.value);
    });
    return row(label, control, hint);
  };
  const number = (name, label, value, change, more, hint) => input(name, label, value, (text) => change(text === "" ? null : Number(text)), { type: "number", step: 1, ...more }, hint);
  const check = (name, label, value, change) => {
    const control = h("input", { id: `of-${name}`, type: "checkbox", disabled: readonly, onchange: () => change(control.checked) });
    control.checked = Boolean(value);
    return h("label", { class: "check", for: control.id }, control, label);
  };
  const place = h(
    "div",
    { class: "box-numbers", role: "group", "aria-label": "Place in pixels" },
    ...SIDES.map((side, i) =>
      number(`box-${i}`, side, Math.round(model.boxOf(page, id)[i]), (value) => value !== null && model.place(page, id, model.boxOf(page, id).map((old, j) => (i === j ? value : old))), { min: i > 1 ? 1 : 0, required: true, readonly: part === undefined && Boolean(field.options) && i > 1 }),
    ),
  );
  const tools = !readonly && h("p", { class: "tools" }, button(`Delete ${part === undefined ? "the field" : column ? "the column" : "the tick box"}`, "bin", remove, { text: "Delete", keys: "Alt+Del" }));
  if (part !== undefined && !column) {
    const name = Object.keys(field.options)[part];
    return [heading(`Tick box of ${field.name}`), input("option", "Value", name, (text) => model.renameOption(page, id, text) || null, { required: true, maxlength: 100 }), place, parent(), tools];
  }

  function heading(text) {
    return h("h2", {}, text);
  }
  function parent() {
    return h("p", {}, button(`To ${field.name}`, "up", () => select(String(at)), { text: `To ${field.name}` }));
  }
  function free(text) {
    const others = column ? field.columns.filter((other) => other !== column).map((other) => other.name) : model.names().map(([name]) => name.split(".")[0]).filter((name) => name !== field.name);
    return !others.includes(text);
  }

  const types = h("select", { id: "of-type", onchange: () => {
    types.focus(); // also where it was changed without it, so that the options of the new type are shown
    model.retype(page, id, types.value);
    document.getElementById("of-type")?.focus();
  } });
  types.append(...Object.entries(TYPES).filter(([name]) => !column || name === own.type || !["table", "ticks"].includes(name)).map(([name, title]) => h("option", { value: name }, title)));
  types.value = own.type;
  const taken = h("p", { class: "problem", role: "alert" });
  const named = (text) => {
    taken.textContent = free(text) ? "" : `The name ${text} is taken.`;
    if (free(text)) model.rename(page, id, text);
  };

  const OPTIONS = {
    comb: () => number("comb", "Cells of a comb", own.comb, (value) => set({ comb: value }), { min: 2, max: 100 }, "One character a cell. Empty where it is no comb."),
    lines: () => number("lines", "Lines of text", own.lines ?? 1, (value) => set({ lines: value ?? 1 }), { min: 1, max: 100 }),
    entries: () => entries(),
    years: () => {
      const [from, to] = own.years ?? ["", ""];
      const change = () => {
        const [first, last] = ["of-from", "of-to"].map((name) => document.getElementById(name).value);
        set({ years: first && last && Number(first) <= Number(last) ? [Number(first), Number(last)] : null });
      };
      return h("div", { class: "pair" }, number("from", "From year", from, change, { min: 1, max: 9999 }), number("to", "To year", to, change, { min: 1, max: 9999 }));
    },
    month_first: () => check("month", "Month before day", own.month_first, (value) => set({ month_first: value })),
    cents: () => check("cents", "Cents are always written", own.cents, (value) => set({ cents: value })),
    country: () => input("country", "Country, such as de", own.country, (text) => set({ country: text.toLowerCase() }), { required: true, maxlength: 2, pattern: "[A-Za-z]{2}" }),
    expression: () => input("expression", "Regular expression", own.expression, (text) => set({ expression: text }), { required: true, maxlength: 1000, spellcheck: "false" }, "Such as [A-Z]{2}[0-9]{4}"),
    options: () => !column && parts(Object.keys(own.options), "Tick boxes", "Add a tick box"),
    several: () => check("several", "Several may be ticked", own.several, (value) => set({ several: value })),
    columns: () => parts(own.columns.map((item) => item.name), "Columns", "Add a column"),
    rows: () => number("rows", "Rows", own.rows ?? 1, (value) => value && model.setRows(page, id, value), { min: 1, max: 200, required: true }),
  };

  function parts(names, title, adding) {
    return h(
      "div",
      { class: "stack" },
      h("span", {}, title),
      h("div", { class: "tools" }, ...names.map((name, i) => button(name, null, () => select(`${at}.${i}`), { text: name })), !readonly && button(adding, "add", () => (model.addPart(page, id), select(`${at}.${names.length}`)))),
    );
  }

  // A list that is pasted or uploaded: a short one stands in the template, a long one is a file.
  function entries() {
    const known = form.lists?.find((list) => list.name === own.list);
    const area = h("textarea", { id: "of-entries", rows: 5, spellcheck: "false", value: (own.entries ?? []).join("\n"), disabled: readonly });
    const note = h("p", { class: "hint", role: "status" });
    const tell = (count, name) => (note.textContent = name ? `${plural(count, "entry").replace("entrys", "entries")} in ${name}` : own.type === "name" ? "Names that are not in the list are kept, but unsure." : "");
    const take = async (text) => {
      const lines = [...new Set(linesOf(text))];
      try {
        if (lines.length <= MOST_INLINE) {
          set({ entries: lines.length ? lines : null, list: null });
          tell(0, "");
        } else {
          const name = own.list ?? `${column ? `${field.name}_` : ""}${own.name}.txt`;
          await listed(await putList(path, name, `${lines.join("\n")}\n`));
          set({ entries: null, list: name });
          tell(lines.length, name);
        }
        area.value = lines.length <= MOST_SHOWN ? lines.join("\n") : "";
      } catch (error) {
        say(error.message, { problem: true });
      }
    };
    area.addEventListener("change", () => take(area.value));
    const file = h("input", { type: "file", id: "of-file", accept: ".txt,.csv,text/plain", hidden: true, "aria-label": "File with a list", onchange: async () => file.files.length && take(await file.files[0].text()) });
    const load = async () => {
      const text = await (await call(`${path}/lists/${encodeURIComponent(own.list)}`)).text();
      if (linesOf(text).length > MOST_SHOWN) note.textContent = `The list is longer than ${MOST_SHOWN} entries: replace it by a file.`;
      else area.value = text;
      area.focus();
    };
    tell(known?.entries ?? 0, own.list);
    return h(
      "div",
      { class: "stack" },
      h("label", { for: "of-entries" }, "List, one entry a line"),
      area,
      note,
      !readonly && h("div", { class: "tools" }, file, button("List from a file", "up", () => file.click(), { text: "From a file" }), own.list && button(`Show ${own.list}`, "lines", () => load().catch((error) => say(error.message, { problem: true })), { text: "Show the list" })),
    );
  }

  return [
    heading(column ? `Column of ${field.name}` : "Field"),
    input("name", "Name in results", own.name, named, { required: true, pattern: NAME, maxlength: 60, spellcheck: "false", autocomplete: "off" }),
    taken,
    input("label", "Printed label", own.label, (text) => set({ label: text }), { maxlength: 200 }),
    row("Type", types),
    ...optionsOf(own.type).filter((name) => OPTIONS[name]).map((name) => OPTIONS[name]()),
    own.type !== "table" && check("required", "Must not be empty", own.required, (value) => set({ required: value })),
    place,
    column && parent(),
    tools,
  ].filter(Boolean);
}
