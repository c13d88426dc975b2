// The text of a page: a field a line, words marked by confidence, the current line's picture and alternatives.

import { grade, h, percent } from "./dom.js";
import { difference } from "./merge.js";

// The confidence of a line's least certain word, else of the line: one wrong word hardly shows in a line's mean.
export function certainty(line) {
  const known = line.words.map((word) => word.confidence).filter((confidence) => confidence !== null);
  return known.length ? Math.min(...known) : (line.confidence ?? 0);
}

// "done" for a line that a person corrected or accepted, "fair" or "doubt" for one to look at, else "sure".
export function state(line, below) {
  if (line.corrected_by) return "done";
  if (line.flags.length) return "doubt";
  if (certainty(line) >= below) return "sure";
  return certainty(line) < (2 / 3) * below ? "doubt" : "fair";
}

export const unsure = (line, below) => ["fair", "doubt"].includes(state(line, below));

// Kinds of regions that a person can choose; PAGE and ALTO have others, which are shown as they are named there.
export const KINDS = {
  text: "text",
  paragraph: "paragraph",
  heading: "heading",
  marginalia: "marginal note",
  table: "table",
  "page-number": "page number",
  header: "header",
  footer: "footer",
  footnote: "footnote",
  caption: "caption",
  "signature-mark": "signature mark",
  "catch-word": "catch-word",
  other: "other",
};

export class Lines {
  // `on` has write(id, text), select(id), caret(id, position), choose(id, text).
  constructor(on, strip, { readonly }) {
    this.on = on;
    this.strip = strip;
    this.readonly = readonly;
    this.rows = new Map();
    this.current = null;
    this.element = h("ol", { class: "lines", "aria-label": "Lines of the page" });
    this.element.addEventListener("focusin", (event) => this._enter(event.target.closest("li")?.dataset.id));
    this.element.addEventListener("input", (event) => this._write(event.target));
    this.element.addEventListener("mousedown", (event) => {
      const row = event.target.closest("li");
      if (row && !event.target.closest("textarea, button")) {
        event.preventDefault();
        this.focus(row.dataset.id);
      }
    });
  }

  // All lines, or those whose ids are given.
  show(lines, below, ids = null) {
    this.below = below;
    this.lines = lines;
    if (ids) {
      for (const line of lines) if (ids.includes(line.id)) this._fill(this.rows.get(line.id), line);
      this._insertions();
      return;
    }
    const focused = document.activeElement?.closest?.("li")?.dataset.id;
    const gone = new Set(this.rows.keys());
    const elements = lines.map((line, at) => {
      gone.delete(line.id);
      const row = this.rows.get(line.id) ?? this._row(line.id);
      row.number.textContent = at + 1;
      row.field.setAttribute("aria-label", `Line ${at + 1}`);
      this._fill(row, line);
      return row.element;
    });
    for (const id of gone) this.rows.delete(id);
    if (elements.length !== this.element.children.length || elements.some((element, i) => element !== this.element.children[i])) {
      this.element.replaceChildren(...elements);
    }
    if (focused && this.rows.has(focused)) this.rows.get(focused).field.focus({ preventScroll: true });
    if (!this.rows.has(this.current)) this.current = null;
    this._insertions();
  }

  // What is said of an insertion depends on the line that it belongs to.
  _insertions() {
    for (const line of this.lines) if (line.insertion) this._about(this.rows.get(line.id), line);
  }

  _row(id) {
    const number = h("span", { class: "number" });
    const marks = h("div", { class: "marks", "aria-hidden": "true" });
    const field = h("textarea", {
      rows: 1,
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      readonly: this.readonly,
      "aria-describedby": `about-${id}`,
    });
    const about = h("span", { class: "about", id: `about-${id}` });
    const extra = h("div", { class: "extra" });
    const choices = h("div", { class: "choices", role: "group", "aria-label": "Other readings" });
    const element = h("li", { tabindex: -1, data: { id } }, number, extra, h("div", { class: "field" }, marks, field), about, choices);
    const row = { element, number, marks, field, about, choices, extra, line: null };
    this.rows.set(id, row);
    return row;
  }

  _fill(row, line) {
    if (!row || row.line === line) return;
    row.line = line;
    if (row.field.value !== line.text) row.field.value = line.text;
    row.element.className = `${state(line, this.below)}${line.id === this.current ? " here" : ""}`;
    this._about(row, line);
    row.marks.replaceChildren(...marks(line));
    if (line.id === this.current) this._choices(row);
  }

  _about(row, line) {
    const now = state(line, this.below);
    const word = { done: "checked", fair: "unsure", doubt: "unsure" }[now];
    const kind = (line.kind ?? "text") === "text" ? "" : (KINDS[line.kind] ?? line.kind);
    const cell = line.cell ? `row ${line.cell.row + 1}, column ${line.cell.column + 1}` : "";
    row.about.textContent = [kind, cell, this._inserted(line), now === "done" ? "" : percent(line.confidence), word].filter(Boolean).join(", ");
    row.about.title = line.corrected_by ? `by ${line.corrected_by}` : line.flags.join(", ");
  }

  // Where words that were written above a line belong.
  _inserted({ insertion }) {
    const at = insertion ? this.lines.findIndex((line) => line.id === insertion.line) : -1;
    if (at < 0) return "";
    const before = this.lines[at].text.slice(0, insertion.at).trim().split(/\s+/).at(-1);
    return `inserted in line ${at + 1} ${before ? `after “${before}”` : "at its start"}`;
  }

  _write(field) {
    const id = field.closest("li").dataset.id;
    if (field.value.includes("\n")) {
      const caret = field.selectionStart;
      field.value = field.value.replace(/\s*\n\s*/g, " ");
      field.setSelectionRange(caret, caret);
    }
    this.on.write(id, field.value);
  }

  _enter(id) {
    if (!id || id === this.current) return;
    const [old, row] = [this.rows.get(this.current), this.rows.get(id)];
    if (!row) return;
    const scroller = this.element.closest(".scroller");
    const before = row.element.getBoundingClientRect().top;
    if (old) {
      old.element.classList.remove("here");
      old.element.removeAttribute("aria-current");
      old.choices.replaceChildren();
    }
    this.current = id;
    row.element.classList.add("here");
    row.element.setAttribute("aria-current", "true");
    row.extra.append(this.strip.canvas);
    this._choices(row);
    this.on.select(id);
    // What a person clicked stays where it is, though pictures above it came or went.
    if (scroller) scroller.scrollTop += row.field.getBoundingClientRect().top - before - (row.field.offsetTop - row.element.offsetTop);
  }

  _choices(row) {
    const others = row.line.alternatives.filter((other) => other.text !== row.line.text).slice(0, 9);
    row.choices.replaceChildren(
      ...others.map((other, at) =>
        h(
          "button",
          { type: "button", class: "choice", title: `Alt+${at + 1}`, disabled: this.readonly, onclick: () => this.on.choose(row.line.id, other.text) },
          h("kbd", {}, at + 1),
          h("span", {}, ...shown(row.line.text, other.text)),
          h("small", {}, percent(other.confidence)),
        ),
      ),
    );
  }

  choice(number) {
    const line = this.rows.get(this.current)?.line;
    return line?.alternatives.filter((other) => other.text !== line.text)[number - 1]?.text ?? null;
  }

  // Put the caret into a line and bring it into view; `where` is a position, "row" for the row itself.
  focus(id, where = null) {
    const row = this.rows.get(id);
    if (!row) return;
    const target = where === "row" ? row.element : row.field;
    target.focus({ preventScroll: true });
    if (typeof where === "number") row.field.setSelectionRange(where, where);
    this._enter(id);
    row.element.scrollIntoView({ block: "nearest" });
  }

  caret() {
    const row = this.rows.get(this.current);
    return row ? row.field.selectionStart : 0;
  }
}

// The text with its words marked; it lies behind the field and has the same letters in the same places.
function marks(line) {
  const result = [];
  let at = 0;
  for (const word of line.words) {
    const found = line.text.indexOf(word.text, at);
    if (found < 0) continue;
    result.push(line.text.slice(at, found));
    const kind = line.corrected_by && word.confidence === 1 ? "sure" : grade(word.confidence);
    result.push(kind === "fair" || kind === "doubt" ? h("span", { class: kind }, word.text) : word.text);
    at = found + word.text.length;
  }
  result.push(line.text.slice(at), "\u200b"); // a line that ends in a space is as high as others
  return result;
}

function shown(before, after) {
  return difference(before, after)
    .filter(([kind]) => kind !== "out")
    .flatMap(([kind, word]) => [kind === "in" ? h("mark", {}, word) : word, " "]);
}
