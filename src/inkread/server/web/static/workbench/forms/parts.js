// What the views of forms share: names of states, progress of a batch, figures.

import { rate, whole } from "../admin/parts.js";
import { h, plural, stateName } from "../dom.js";

export const TO_KEY = ["unsure", "invalid"];
export const STATES = ["sure", "keyed", "unsure", "invalid", "empty", "missing"];

export const reading = (batch) => batch.state === "waiting" || batch.state === "reading";
export const titleOf = (form) => form.title || form.name;

// A value as it is shown: what is empty or missing is told.
export const shown = (field) => field.value || (field.state === "missing" ? "page missing" : field.state === "invalid" ? field.raw || "invalid" : "");

export function progress(batch) {
  if (!reading(batch)) return [h("span", { class: `state ${batch.state}` }, stateName(batch.state)), batch.error && h("span", { class: "hint" }, batch.error)].filter(Boolean);
  return [
    h("progress", { max: batch.sheets_total || 1, value: batch.sheets_done, "aria-label": "Sheets read" }),
    h("span", { class: "hint" }, `${whole(batch.sheets_done)} of ${plural(batch.sheets_total, "sheet")}`),
  ];
}

// In one sentence, how sure the batch is.
export function standing(batch) {
  const { counts } = batch;
  const left = TO_KEY.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const sure = `${whole(counts.sure ?? 0)} fields are sure from ${(100 * Math.min(1, batch.threshold)).toFixed(1)} %, and ${rate(batch.expected_error)} of them are expected to be wrong.`;
  return left ? `${sure} ${plural(left, "field")} to key.` : `${sure} Nothing is left to key.`;
}
