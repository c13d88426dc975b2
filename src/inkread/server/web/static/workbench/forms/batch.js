// A batch: the table of its forms, the threshold, and a field beside its sheet.

import { call, download, follow, get, send } from "../api.js";
import { formatDialog, shareDialog } from "../dialogs.js";
import { button, confirm, h, percent, plural, say, when } from "../dom.js";
import { BoxScan, sizeOf } from "./boxes.js";
import { Keying } from "./keying.js";
import { progress, reading, sentence, shown, standing, TO_KEY, toKey } from "./parts.js";

const FORMATS = [
  ["xlsx", "XLSX", "a sheet, doubts marked in colour"],
  ["csv", "CSV", "for any spreadsheet"],
  ["json", "JSON", "everything, with places and alternatives"],
  ["parquet", "Parquet", "for data frames"],
];
const STEP = 100; // rows that are shown at once
const ROWS = 1000; // that are fetched at once
const MARKS = { unsure: "?", invalid: "!", keyed: "✓" };
const FILTERS = { all: "All forms", key: "To key", problem: "With a problem" };

export async function show(place, { parts: [id], go }) {
  const path = `/forms/batches/${id}`;
  let batch = await fetched();
  let columnNames = [];
  let filter = "all";
  let length = STEP;
  let chosen = null; // {form, field}
  const readonly = batch.role === "reader";
  const templates = new Map();

  const head = h("div", {});
  const note = h("p", { class: "hint", "aria-live": "polite" });
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Forms to show" });
  const rows = h("tbody", {});
  const columns = h("tr", {});
  const table = h("table", { class: "forms", role: "grid", "aria-label": "Forms, a row each" }, h("thead", {}, columns), rows);
  const around = h("div", { class: "table-pane", tabindex: 0, role: "region", "aria-label": "Table of the batch" }, table);
  const more = h("button", { type: "button", class: "plain", onclick: () => ((length += STEP), draw()) }, "Show more");
  const scan = new BoxScan({ pick: (name) => choose({ form: chosen.form, field: name }), picture: () => null });
  const keying = new Keying({ accepted, step: (by) => step(by, () => true) });
  const field = h("h2", {});
  const beside = h(
    "section",
    { class: "beside", "aria-label": "The chosen field", hidden: true },
    h("div", { class: "bar" }, field, button("Zoom in", "zoomIn", () => scan.zoom(1.25)), button("Zoom out", "zoomOut", () => scan.zoom(0.8)), button("Whole sheet", "fit", () => scan.fit("page")), button("Close", "close", close)),
    keying.element,
    scan.element,
  );
  const wanted = threshold();
  place.append(head, wanted.element, note, chips, h("div", { class: "batch" }, h("div", { class: "table-side" }, around, more), beside));

  async function fetched() {
    const whole = await get(`${path}?limit=${ROWS}`);
    for (let last = whole.rows.length; last === ROWS; ) {
      const { rows } = await get(`${path}?limit=${ROWS}&offset=${whole.rows.length}`);
      whole.rows.push(...rows);
      last = rows.length;
    }
    return whole;
  }

  function header() {
    document.title = `${batch.name} · Inkread`;
    head.replaceChildren(
      h("p", { class: "crumbs" }, h("a", { href: "/f" }, "Forms"), " / ", ...(batch.template ? [h("a", { href: `/f/t/${batch.template}` }, batch.template), " / "] : [])),
      h(
        "div",
        { class: "bar" },
        h("h1", { tabindex: -1 }, batch.name),
        h("span", { class: "progress-cell" }, progress(batch)),
        h(
          "div",
          { class: "tools" },
          !readonly && reading(batch) && button("Stop reading", "close", () => act("cancel"), { text: "Stop" }),
          !readonly && ["failed", "cancelled"].includes(batch.state) && button("Read again", "rotate", () => act("retry"), { text: "Read again" }),
          !readonly && toKey(batch) > 0 && h("a", { class: "button", href: `/f/queue?batch=${id}` }, "Key unsure fields"),
          button("Export", "save", () => formatDialog(`Export ${batch.name}`, FORMATS, "One row a form, with value, state and confidence of each field.", (format) => download(`${path}/result?format=${format}`)), { text: "Export" }),
          batch.role === "owner" && button("Share", "share", () => shareDialog(batch), { text: "Share" }),
          batch.role === "owner" && button("Delete", "bin", remove, { text: "Delete" }),
        ),
      ),
      h("p", { class: "hint" }, [plural(batch.forms, "form"), plural(batch.sheets_total ?? 0, "sheet"), when(batch.created), batch.double ? "keyed by two people" : null].filter(Boolean).join(" · ")),
    );
    note.textContent = batch.forms ? standing(batch) : "";
  }

  // A wanted share of errors among the sure fields, or a confidence.
  function threshold() {
    const kind = h("select", { id: "kind", "aria-label": "What is given" }, h("option", { value: "max_error" }, "Wrong at most, of the sure fields"), h("option", { value: "confidence" }, "Sure from a confidence of"));
    const share = h("input", { id: "share", type: "number", min: 0, max: 100, step: "any", required: true, "aria-label": "Per cent" });
    const fill = () => (share.value = Number((100 * (kind.value === "max_error" ? batch.max_error ?? 0.005 : Math.min(1, batch.least_confidence))).toFixed(2)));
    kind.value = batch.max_error === null ? "confidence" : "max_error";
    kind.addEventListener("change", fill);
    fill();
    const form = h("form", { class: "row threshold", hidden: readonly }, kind, h("span", { class: "tools" }, share, "%"), h("button", { type: "submit", class: "plain" }, "Apply"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await send("PUT", `${path}/threshold`, { [kind.value]: Number(share.value) / 100 });
        await load();
      } catch (error) {
        say(error.message, { problem: true });
      }
    });
    return { element: form };
  }

  const kept = {
    all: () => true,
    key: (row) => Object.values(row.fields).some((each) => TO_KEY.includes(each.state)),
    problem: (row) => Boolean(row.problem),
  };

  function draw() {
    header();
    chips.replaceChildren(
      ...Object.entries(FILTERS).map(([name, label]) => h("button", { type: "button", class: "chip", "aria-pressed": String(filter === name), onclick: () => ((filter = name), (length = STEP), draw()) }, `${label} `, h("small", {}, batch.rows.filter(kept[name]).length))),
    );
    columnNames = [...new Set(batch.rows.flatMap((item) => Object.keys(item.fields)))];
    columns.replaceChildren(...["Form", ...columnNames].map((name) => h("th", { scope: "col" }, name)));
    const found = batch.rows.filter(kept[filter]);
    const focused = around.contains(document.activeElement) ? document.activeElement.id : "";
    rows.replaceChildren(...found.slice(0, length).map(row));
    if (!found.length) rows.append(h("tr", {}, h("td", { colspan: columnNames.length + 1, class: "nothing" }, reading(batch) ? "The first forms appear here in a moment." : "No form.")));
    more.hidden = found.length <= length;
    more.textContent = `Show more (${found.length - length})`;
    const start = chosen ? cellOf(chosen) : rows.querySelector("[data-field]");
    if (start) start.tabIndex = 0;
    if (focused) document.getElementById(focused)?.focus();
    mark();
  }

  function row(item) {
    const sheets = [`sheet ${item.sheets.join(", ")}`, item.error_pixels !== null && `error ${item.error_pixels.toFixed(1)} pixels`, item.template].filter(Boolean).join("; ");
    const first = h("th", { scope: "row", title: sheets }, item.form);
    if (item.problem) {
      const told = h("td", { class: "told", colspan: Math.max(1, columnNames.length) }, sentence(item.problem));
      if (!Object.keys(item.fields).length) return h("tr", { data: { form: item.form } }, first, told);
      first.append(" ", h("span", { class: "problem" }, sentence(item.problem)));
    }
    return h("tr", { data: { form: item.form } }, first, ...columnNames.map((name) => cell(item, name)));
  }

  function cell(item, name) {
    const value = item.fields[name];
    if (!value) return h("td", {});
    const text = shown(value);
    const waits = TO_KEY.includes(value.state);
    const kind = value.keyed_by.length && !waits ? "keyed" : value.state;
    const about = [value.state, waits ? percent(value.confidence) : "", value.reason, value.keyed_by.length ? `keyed by ${value.keyed_by.join(", ")}` : ""].filter(Boolean).join(", ");
    return h("td", { id: `c-${item.form}-${name}`, class: `cell ${kind}`, tabindex: -1, title: about, data: { form: item.form, field: name } }, MARKS[kind] && h("span", { class: "mark", "aria-hidden": "true" }, MARKS[kind]), text, h("span", { class: "aside" }, ` ${about}`));
  }

  const cellOf = ({ form, field: name }) => document.getElementById(`c-${form}-${name}`);
  const find = (form) => batch.rows.find((item) => item.form === form);

  function mark() {
    for (const old of rows.querySelectorAll(".chosen-cell")) old.classList.remove("chosen-cell");
    if (chosen) cellOf(chosen)?.classList.add("chosen-cell");
  }

  rows.addEventListener("click", (event) => {
    const target = event.target.closest("[data-field]");
    if (target) choose({ form: Number(target.dataset.form), field: target.dataset.field });
  });
  rows.addEventListener("keydown", (event) => {
    const target = event.target.closest("[data-field]");
    if (!target) return;
    if (event.key === "Enter" || event.key === " ") choose({ form: Number(target.dataset.form), field: target.dataset.field });
    else if (!move(target, event.key)) return;
    event.preventDefault();
  });

  function move(target, key) {
    const at = [...target.parentElement.children].indexOf(target);
    const next = { ArrowLeft: target.previousElementSibling, ArrowRight: target.nextElementSibling, ArrowUp: target.parentElement.previousElementSibling?.children[at], ArrowDown: target.parentElement.nextElementSibling?.children[at] };
    const to = next[key];
    if (!to?.dataset.field) return key in next;
    target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
    return true;
  }

  async function template(item) {
    const key = `${item.template}/${item.version}`;
    if (!templates.has(key)) templates.set(key, get(`/forms/${item.template}?version=${encodeURIComponent(item.version)}`));
    return templates.get(key);
  }

  // A field: its crop and value, and the sheet with the field marked.
  async function choose(wanted, { focus = true } = {}) {
    chosen = wanted;
    const item = find(wanted.form);
    const value = item.fields[wanted.field];
    beside.hidden = false;
    field.textContent = `Form ${wanted.form}: ${wanted.field}`;
    mark();
    cellOf(wanted)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    const form = await template(item).catch(() => null);
    if (chosen !== wanted) return;
    const page = form?.template.pages[value.page];
    const boxes = (page?.fields ?? []).flatMap(named);
    const own = boxes.find(({ name }) => name === wanted.field);
    const options = ["tick", "signature"].includes(value.type) ? ["yes"] : Object.keys(own?.options ?? {});
    keying.show({ batch: id, form: wanted.form, field: wanted.field, label: own?.label, options, ...value }, { readonly: readonly || value.state === "missing", focus });
    const sheet = item.sheets[item.pages.indexOf(value.page)];
    scan.element.hidden = !sheet || !form;
    if (!sheet || !form) return;
    const source = `${path}/sheets/${sheet}`;
    if (scan.path !== source) {
      const size = await sizeOf(`${source}/image`);
      if (chosen !== wanted) return;
      scan.open({ number: sheet, ...size }, source);
    }
    scan.show(boxes.map(({ name, box }) => ({ id: name, box, grade: item.fields[name]?.state ?? "" })), wanted.field);
    scan.fit("width");
    scan.select(wanted.field);
  }

  function named(of) {
    if (!of.columns) return [of];
    const pitch = of.box[3] / (of.rows ?? 1);
    return Array.from({ length: of.rows ?? 1 }, (_, at) => of.columns.map((column) => ({ ...column, name: `${of.name}.${at + 1}.${column.name}`, box: [column.box[0], column.box[1] + at * pitch, column.box[2], column.box[3]] }))).flat();
  }

  function close() {
    beside.hidden = true;
    const last = chosen;
    chosen = null;
    mark();
    if (last) cellOf(last)?.focus();
  }

  // The next field that passes, in the order of the table.
  function step(by, passes) {
    const cells = batch.rows.flatMap((item) => columnNames.filter((name) => item.fields[name]).map((name) => ({ form: item.form, field: name, state: item.fields[name].state })));
    const at = cells.findIndex((each) => each.form === chosen.form && each.field === chosen.field);
    const next = by > 0 ? cells.slice(at + 1).find(passes) : cells.slice(0, at).reverse().find(passes);
    if (next) choose({ form: next.form, field: next.field });
    return Boolean(next);
  }

  function accepted(item, value) {
    const row = find(item.form);
    row.fields[item.field] = { ...row.fields[item.field], ...value };
    const old = cellOf(item);
    old?.replaceWith(cell(row, item.field));
    if (!step(1, (each) => TO_KEY.includes(each.state))) say("Nothing behind this field is left to key.");
    load().catch(() => null);
  }

  async function act(what) {
    try {
      await send("POST", `${path}/${what}`);
      await load();
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  async function remove() {
    if (!(await confirm(`Delete ${batch.name}?`, "Sheets, values and what was keyed are deleted from the server for everybody. This cannot be undone.", "Delete"))) return;
    try {
      await call(path, { method: "DELETE" });
      go(batch.template ? `/f/t/${batch.template}` : "/f");
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  let loading = null;
  let again = false;
  async function load() {
    if (loading) return void (again = true);
    loading = fetched();
    try {
      const now = await loading;
      const same = JSON.stringify(now) === JSON.stringify(batch); // the focus stays where it is
      batch = now;
      if (!same) draw();
    } finally {
      loading = null;
    }
    if (again) {
      again = false;
      await load();
    }
  }

  draw();
  const stop = follow(`/documents/${id}`, { document: () => load().catch(() => null) });
  return () => {
    stop();
    scan.close();
  };
}
