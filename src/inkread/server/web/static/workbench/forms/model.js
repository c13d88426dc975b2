// A template while it is edited: fields, rules, undo. Boxes are pixels of the empty page: left, top, width, height.

import { shifted } from "./boxes.js";

export const TYPES = {
  text: "text",
  name: "name",
  choice: "choice from a list",
  date: "date",
  time: "time",
  number: "number",
  amount: "amount",
  phone: "phone",
  email: "e-mail",
  iban: "IBAN",
  card: "card number",
  ean: "EAN",
  isbn: "ISBN",
  postcode: "postcode",
  regex: "regular expression",
  tick: "tick box",
  ticks: "tick boxes of one question",
  signature: "signature",
  table: "table",
};
const OPTIONS = {
  text: ["lines", "comb"],
  name: ["entries", "list", "comb"],
  choice: ["entries", "list", "comb"],
  date: ["years", "month_first", "comb"],
  amount: ["cents", "comb"],
  postcode: ["country", "comb"],
  regex: ["expression", "comb"],
  tick: [],
  ticks: ["options", "several"],
  signature: [],
  table: ["columns", "rows"],
};
export const optionsOf = (type) => OPTIONS[type] ?? ["comb"];

const ROWS = 5; // of a field that becomes a table
const whole = (box) => box.map((value) => Math.round(10 * value) / 10);

// What the server takes: an option that does not belong to the type is an error there.
function clean(field) {
  const kept = ["name", "label", "type", "box", "required", ...optionsOf(field.type)];
  const set = kept.filter((name) => ![undefined, null, "", false].includes(field[name])).map((name) => [name, field[name]]);
  const result = Object.fromEntries(set);
  result.box = whole(field.box);
  if (result.options) result.options = Object.fromEntries(Object.entries(result.options).map(([name, box]) => [name, whole(box)]));
  if (result.columns) result.columns = result.columns.map(clean);
  return result;
}

const around = (boxes) => {
  const [left, top] = [Math.min(...boxes.map((box) => box[0])), Math.min(...boxes.map((box) => box[1]))];
  return [left, top, Math.max(...boxes.map((box) => box[0] + box[2])) - left, Math.max(...boxes.map((box) => box[1] + box[3])) - top];
};

// Ids: "2" is the third field of the page, "2.0" its first column or tick box.
export class Model {
  constructor(template, changed) {
    this.template = template;
    this.changed = changed;
    this.past = [];
    this.future = [];
  }

  get content() {
    return { ...this.template, pages: this.template.pages.map((page) => ({ ...page, fields: (page.fields ?? []).map(clean) })) };
  }

  fields(page) {
    return this.template.pages[page].fields ?? [];
  }

  // Every name that a rule may use, with its type.
  names() {
    const all = this.template.pages.flatMap((page) => page.fields ?? []);
    return all.flatMap((field) => (field.columns ? field.columns.map((column) => [`${field.name}.${column.name}`, column.type]) : [[field.name, field.type]]));
  }

  // Steps with the same key that follow each other are undone together: the letters of a word.
  step(change, key = null) {
    const before = structuredClone(this.template);
    change(this.template);
    if (!key || key !== this.key) this.past.push(before);
    this.key = key;
    this.future = [];
    this.changed();
  }

  undo() {
    this._go(this.past, this.future);
  }

  redo() {
    this._go(this.future, this.past);
  }

  _go(from, to) {
    if (!from.length) return;
    to.push(this.template);
    this.template = from.pop();
    this.key = null;
    this.changed();
  }

  get(page, id) {
    if (id === null || id === undefined) return null;
    const [at, part] = String(id).split(".").map(Number);
    const field = this.fields(page)[at];
    if (!field) return null;
    return { at, part, field, column: part === undefined ? null : field.columns?.[part] ?? null };
  }

  boxOf(page, id) {
    const { field, part, column } = this.get(page, id);
    if (part === undefined) return field.box;
    return column ? column.box : Object.values(field.options)[part];
  }

  add(page, box) {
    const names = this.names().map(([name]) => name);
    let number = this.fields(page).length + 1;
    while (names.includes(`field_${number}`)) number++;
    this.step((template) => (template.pages[page].fields = [...this.fields(page), { name: `field_${number}`, label: "", type: "text", box: whole(box) }]));
    return String(this.fields(page).length - 1);
  }

  remove(page, id) {
    const { at, part, field } = this.get(page, id);
    const names = [field.name, ...(field.columns ?? []).map((column) => `${field.name}.${column.name}`)];
    const last = part !== undefined && (field.columns ?? Object.keys(field.options)).length === 1;
    this.step((template) => {
      const fields = template.pages[page].fields;
      if (part === undefined || last) {
        fields.splice(at, 1);
        template.rules = (template.rules ?? []).filter((rule) => ![rule.first, rule.second, rule.total, ...(rule.parts ?? [])].some((name) => names.includes(name)));
      } else if (field.columns) {
        fields[at].columns.splice(part, 1);
      } else {
        delete fields[at].options[Object.keys(field.options)[part]];
        fields[at].box = around(Object.values(fields[at].options));
      }
    });
  }

  // A field takes its columns or tick boxes along; the size of tick boxes that belong together follows from them.
  place(page, id, box) {
    const { at, part, field } = this.get(page, id);
    this.step((template) => {
      const own = template.pages[page].fields[at];
      if (part !== undefined && field.columns) own.columns[part].box = box;
      else if (part !== undefined) {
        own.options[Object.keys(own.options)[part]] = box;
        own.box = around(Object.values(own.options));
      } else {
        const [dx, dy, wide, tall] = [box[0] - own.box[0], box[1] - own.box[1], box[2] / own.box[2], box[3] / own.box[3]];
        for (const name of Object.keys(own.options ?? {})) own.options[name] = shifted(own.options[name], dx, dy);
        for (const column of own.columns ?? []) {
          const [x, y, width, height] = column.box;
          column.box = [box[0] + wide * (x - own.box[0]), box[1] + tall * (y - own.box[1]), wide * width, tall * height];
        }
        own.box = box;
      }
    }, `place ${page} ${id}`);
  }

  set(page, id, values) {
    const { at, part } = this.get(page, id);
    this.step((template) => {
      const own = template.pages[page].fields[at];
      Object.assign(part === undefined ? own : own.columns[part], values);
    }, `${Object.keys(values)} ${page} ${id}`);
  }

  // All rows are equally high: columns stand for those of the first row.
  setRows(page, id, rows) {
    const { at, field } = this.get(page, id);
    const by = (field.rows ?? 1) / rows;
    this.step((template) => {
      const own = template.pages[page].fields[at];
      own.rows = rows;
      for (const column of own.columns) {
        const [x, y, width, height] = column.box;
        column.box = [x, own.box[1] + by * (y - own.box[1]), width, by * height];
      }
    }, `rows ${page} ${id}`);
  }

  // A field keeps what fits its new type, and gets what that type cannot do without.
  retype(page, id, type) {
    const { field, column } = this.get(page, id);
    const { box } = column ?? field;
    const [x, y, width, height] = box;
    const needed = { type };
    if (type === "regex") needed.expression = "[0-9]+";
    if (type === "postcode") needed.country = "de";
    if (type === "ticks") needed.options = { yes: [x, y, Math.min(width, 32), Math.min(height, 32)] };
    if (type === "table") Object.assign(needed, { rows: ROWS, columns: [{ name: "column_1", label: "", type: "text", box: [x, y, width, height / ROWS] }] });
    if (type === "ticks") needed.box = needed.options.yes;
    this.set(page, id, needed);
  }

  // Another column: the widest one is divided. Another tick box: beside the last one.
  addPart(page, id) {
    const { at, field } = this.get(page, id);
    this.step((template) => {
      const own = template.pages[page].fields[at];
      if (field.columns) {
        const widest = field.columns.reduce((best, column, i) => (column.box[2] > field.columns[best].box[2] ? i : best), 0);
        const [x, y, width, height] = field.columns[widest].box;
        let number = field.columns.length + 1;
        while (field.columns.some((column) => column.name === `column_${number}`)) number++;
        own.columns[widest].box = [x, y, width / 2, height];
        own.columns.splice(widest + 1, 0, { name: `column_${number}`, label: "", type: "text", box: [x + width / 2, y, width / 2, height] });
      } else {
        let number = Object.keys(field.options).length + 1;
        while (`option ${number}` in field.options) number++;
        own.options[`option ${number}`] = shifted(Object.values(field.options).at(-1), 120, 0);
        own.box = around(Object.values(own.options));
      }
    });
  }

  renameOption(page, id, name) {
    const { at, part, field } = this.get(page, id);
    const old = Object.keys(field.options)[part];
    if (!name || (name !== old && name in field.options)) return false;
    this.step((template) => {
      const own = template.pages[page].fields[at];
      own.options = Object.fromEntries(Object.entries(own.options).map(([key, box]) => [key === old ? name : key, box]));
    }, `option ${page} ${id}`);
    return true;
  }

  // Names in rules follow the field.
  rename(page, id, name) {
    const { at, part, field, column } = this.get(page, id);
    const whole = column ? `${field.name}.${column.name}` : field.name;
    const now = column ? `${field.name}.${name}` : name;
    const follow = (used) => (used === whole ? now : !column && used?.startsWith(`${whole}.`) ? `${now}${used.slice(whole.length)}` : used);
    this.step((template) => {
      const own = template.pages[page].fields[at];
      (part === undefined ? own : own.columns[part]).name = name;
      for (const rule of template.rules ?? []) {
        for (const key of ["first", "second", "total"]) if (rule[key]) rule[key] = follow(rule[key]);
        if (rule.parts) rule.parts = rule.parts.map(follow);
      }
    }, `name ${page} ${id}`);
  }
}
