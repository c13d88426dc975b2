// Who changed the champion, when and why; and the newest alerts.

import { get } from "../api.js";
import { h, when } from "../dom.js";
import { table } from "./parts.js";

const ACTIONS = {
  register: "registered",
  refuse: "refused by the gate",
  promote: "promoted",
  rollback: "rolled back to",
  found: "found as champion",
  moved: "alias moved, put back",
  shadow: "reads in the shadow",
  unshadow: "shadow ended",
};

export async function show(place) {
  const [trail, alerts] = await Promise.all([get("/models/audit"), get("/alerts")]);
  place.append(
    h("h1", { tabindex: -1 }, "Audit trail"),
    table(
      "Changes of champion and shadow",
      [
        ["When", (entry) => when(entry.when)],
        ["Who", (entry) => entry.who],
        ["What", (entry) => ACTIONS[entry.action] ?? entry.action],
        ["Version", (entry) => h("a", { href: `/admin/models/${entry.version}` }, String(entry.version)), "number"],
        ["Why", (entry) => entry.why],
      ],
      [...trail].reverse(),
      { empty: "The champion was never changed." },
    ),
    h("h2", {}, "Alerts"),
    table(
      "Alerts",
      [
        ["Alert", (alert) => [alert.labels.alertname ?? "", alert.labels.service && ` (${alert.labels.service})`]],
        ["State", (alert) => h("span", { class: `state ${alert.status === "firing" ? "failed" : "done"}` }, alert.status)],
        ["What", (alert) => [alert.annotations.summary, alert.annotations.description].filter(Boolean).join(" ")],
        ["Began", (alert) => (alert.startsAt ? when(alert.startsAt) : "")],
        ["Ended", (alert) => (alert.status === "resolved" && alert.endsAt ? when(alert.endsAt) : "")],
      ],
      alerts,
      { empty: "There has been no alert." },
    ),
  );
}
