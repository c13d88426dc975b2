// What the views for admins, and of forms, are made of: tables, forms in dialogs, figures, lists of facts.

import { button, dialog, h, svg } from "../dom.js";

const UNTITLED = ["plot", "acts"]; // what is in them is seen; their titles are for who hears the table

// A table whose rows become cards on narrow screens. `columns`: [title, cell of a row, class].
// Its roles are named, because browsers forget them where a table is laid out as blocks.
export function table(title, columns, rows, { empty = "There is nothing yet." } = {}) {
  if (!rows.length) return h("p", { class: "nothing" }, empty);
  const head = columns.map(([name, , kind]) => h("th", { scope: "col", role: "columnheader", class: kind }, h("span", { class: UNTITLED.includes(kind) ? "aside" : null }, name)));
  const cells = (row) =>
    columns.map(([name, cell, kind], at) => {
      const value = cell(row);
      return h(at ? "td" : "th", { role: at ? "cell" : "rowheader", scope: at ? null : "row", class: kind, data: { title: name } }, value && h("div", {}, value));
    });
  return h(
    "table",
    { class: "cards", role: "table", "aria-label": title },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...head)),
    h("tbody", { role: "rowgroup" }, ...rows.map((row) => h("tr", { role: "row" }, ...cells(row)))),
  );
}

// A button in a row: it shows a verb, and its name says of what.
export function action(verb, what, run) {
  return button(`${verb} ${what}`, null, run, { text: verb, "aria-label": `${verb} ${what}` });
}

// Names and values side by side; values that are empty are left out.
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return h("dl", { class: "facts" }, ...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

// A form in a dialog. `fields`: {name, label, type, value, options, hint, hidden, ...}; `act(values, form)` is done when
// it is sent. Where that fails, the dialog stays and says why. Gives what `act` gave, null where it was closed.
export function ask(title, text, fields, action, act, options = {}) {
  const build = (close) => {
    const wrong = h("div", { role: "alert" });
    const submit = h("button", { type: "submit" }, action);
    const form = h("form", { class: "stack" }, text && h("p", {}, text), ...fields.map(field), wrong, h("p", { class: "actions" }, submit));
    const refresh = () => {
      for (const { name, shown } of fields) {
        if (shown) form.elements[name].closest(".stack, .check").hidden = !shown(form);
      }
    };
    form.addEventListener("change", refresh);
    refresh();
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      wrong.replaceChildren();
      try {
        close((await act(form)) ?? true);
      } catch (error) {
        wrong.replaceChildren(h("p", { class: "problem" }, error.message), ...(error.table ?? []));
        if (error.retry) submit.textContent = error.retry;
      } finally {
        submit.disabled = false;
      }
    });
    return form;
  };
  return dialog(title, build, options);
}

function field({ name, label, type = "text", value = "", options, hint, shown: _, ...more }) {
  const id = `field-${name}`;
  if (type === "checkbox") {
    const box = h("input", { id, name, type, ...more });
    box.checked = Boolean(value);
    return h("label", { class: "check", for: id }, box, label);
  }
  const tag = options ? "select" : type === "textarea" ? "textarea" : "input";
  const control = h(tag, { id, name, type: tag === "input" ? type : null, "aria-describedby": hint ? `${id}-hint` : null, ...more });
  if (options) control.append(...options.map(([key, title]) => h("option", { value: key }, title)));
  if (type !== "file") control.value = value;
  return h("div", { class: "stack" }, h("label", { for: id }, label), control, hint && h("span", { class: "hint", id: `${id}-hint` }, hint));
}

export const rate = (value) => (value === null || value === undefined ? "" : `${(100 * value).toFixed(2)} %`);
export const whole = (value) => value.toLocaleString("en");

// A figure with its 95 % interval on a scale from 0 to `most`; what it shows stands beside it as text.
export function interval({ value, low, high }, most) {
  const at = (share) => (100 * Math.min(share, most)) / (most || 1);
  return svg(
    "svg",
    { viewBox: "0 0 100 10", class: "interval", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { class: "scale", x1: 0, x2: 100, y1: 5, y2: 5 }),
    low !== null && high !== null && svg("line", { class: "range", x1: at(low), x2: at(high), y1: 5, y2: 5 }),
    svg("rect", { x: at(value) - 0.6, y: 1, width: 1.2, height: 8 }),
  );
}

// How large a part is of the largest; what it shows stands beside it as text.
export function bar(value, most) {
  return svg("svg", { viewBox: "0 0 100 10", class: "interval", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { x: 0, y: 2, width: (100 * value) / (most || 1), height: 6 }));
}

// Run again and again while the tab is seen, until the returned function is called.
export function repeatedly(run, milliseconds) {
  const timer = setInterval(() => document.hidden || run().catch(() => null), milliseconds);
  return () => clearInterval(timer);
}
