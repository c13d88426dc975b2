// What the views of forms share: names of states, progress of a batch, figures.

import { rate, whole } from "../admin/parts.js";
import { h, plural, stateName } from "../dom.js";

export const TO_KEY = ["unsure", "invalid"];

export const reading = (batch) => batch.state === "waiting" || batch.state === "reading";
export const titleOf = (form) => form.title || form.name;

// A value as it is shown: what is empty or missing is told.
export const shown = (field) => field.value || (field.state === "missing" ? "page missing" : field.state === "invalid" ? field.raw || "invalid" : "");

export function progress(batch) {
  if (!reading(batch)) return [h("span", { class: `state ${batch.state}` }, stateName(batch.state)), batch.error && h("span", { class: "hint" }, batch.error)].filter(Boolean);
  return [
    h("progress", { max: batch.sheets_total || 1, value: batch.sheets_total ? batch.sheets_done : 0, "aria-label": "Sheets read" }),
    h("span", { class: "hint" }, batch.sheets_total ? `${whole(batch.sheets_done)} of ${plural(batch.sheets_total, "sheet")}` : stateName(batch.state)),
  ];
}

export const toKey = (batch) => TO_KEY.reduce((sum, state) => sum + (batch.fields[state] ?? 0), 0);

export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

// In two sentences, how sure the batch is.
export function standing(batch) {
  const count = batch.fields.sure ?? 0;
  const sure = `${plural(count, "field")} ${count === 1 ? "is" : "are"} sure, from a confidence of ${(100 * Math.min(1, batch.least_confidence)).toFixed(1)} %; ${rate(batch.expected_error)} of them are expected to be wrong.`;
  const left = toKey(batch);
  return left ? `${sure} ${plural(left, "field")} to key.` : `${sure} Nothing is left to key.`;
}
