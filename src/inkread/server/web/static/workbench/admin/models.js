// Versions of the model: figures, what the gate says, promotion and the way back.

import { get, send } from "../api.js";
import { button, h, plural, say, when } from "../dom.js";
import { action, ask, facts, interval, rate, table, whole } from "./parts.js";

export async function show(place) {
  const content = h("div", {});
  place.append(h("div", { class: "bar" }, h("h1", { tabindex: -1 }, "Models"), button("Go back to the champion before", "undo", () => back(load), { text: "Roll back" })), content);
  async function load() {
    const versions = await get("/models");
    content.replaceChildren(
      table(
        "Versions",
        [
          ["Version", (item) => h("a", { href: `/admin/models/${item.version}` }, String(item.version))],
          ["Model", (item) => item.model],
          ["Alias", (item) => badges(item)],
          ["Made", (item) => when(item.created)],
          ["CER", (item) => rate(item.metrics.cer), "number"],
          ["WER", (item) => rate(item.metrics.wer), "number"],
          ["Beside the champion", (item) => compared(item.comparison)],
          ["Actions", (item) => !item.aliases.includes("champion") && action("Promote", `version ${item.version}`, () => promote(item, load)), "acts"],
        ],
        versions,
        { empty: "No model is registered yet." },
      ),
    );
  }
  await load();
}

export async function showOne(place, { item, go }) {
  const versions = await get("/models");
  const found = versions.find((other) => String(other.version) === item);
  if (!found) return go("/admin/models", { replace: true });
  const again = () => go(location.pathname, { replace: true });
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "/admin/models" }, "Models"), " / "),
    h(
      "div",
      { class: "bar" },
      h("h1", { tabindex: -1 }, `Version ${item}`),
      badges(found),
      !found.aliases.includes("champion") && action("Promote", `version ${item}`, () => promote(found, again)),
    ),
  );
  const details = h("div", {}, h("p", { class: "hint", role: "status" }, "The bundle is being fetched …"));
  place.append(gate(found), details);
  try {
    const about = await get(`/models/${item}`);
    details.replaceChildren(...described(about, found));
  } catch (error) {
    details.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message));
  }
}

function badges(item) {
  return h("span", { class: "badges" }, ...item.aliases.map((alias) => h("span", { class: `badge ${alias}` }, alias)));
}

function compared(comparison) {
  if (!comparison) return h("span", { class: "hint" }, "not compared");
  const better = comparison.cer <= comparison.champion_cer;
  return h("span", { class: better ? "confidence sure" : "confidence doubt" }, `${rate(comparison.cer)} beside ${rate(comparison.champion_cer)} of version ${comparison.champion}`);
}

// What the gate compared: all lines, then the parts of them that it looks at by themselves.
function gate({ version, comparison }) {
  const head = h("h2", {}, "Gate");
  if (!comparison) return h("section", {}, head, h("p", { class: "hint" }, `This version was not compared with a champion. inkread models compare ${version} DATASET does that; a training job does it by itself.`));
  const { champion, lines, time, slices = [] } = comparison;
  const speed = time ? ` It takes ${rate(time)} of the champion's computing time.` : "";
  const row = ({ kind, name, low, high, ...part }) => ({
    slice: kind ? `${kind} ${name}` : "all lines",
    lines: part.lines,
    documents: part.documents,
    cer: part.cer,
    champion_cer: part.champion_cer,
    difference: Number.isFinite(low) && Number.isFinite(high) ? `${signed(low)} to ${signed(high)}` : "",
  });
  return h("section", {}, head, h("p", {}, `This version and the champion of that day (version ${champion}) read the same ${plural(lines, "line")}.${speed}`), figures([comparison, ...slices].map(row)));
}

const signed = (value) => `${value < 0 ? "−" : "+"}${rate(Math.abs(value))}`;

const TITLES = {
  version: "Version",
  slice: "Part",
  lines: "Lines",
  documents: "Documents",
  cer: "CER",
  wer: "WER",
  champion_cer: "CER of the champion",
  difference: "Difference (95 % interval)",
};

// The table of the gate, as it stands beside a version or comes with a refusal; columns without a value are left out.
function figures(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => row[name] || row[name] === 0));
  const shown = (name, value) => (typeof value !== "number" ? (value ?? "") : name.endsWith("er") ? rate(value) : whole(value));
  const columns = names.map((name, at) => [TITLES[name] ?? name.replaceAll("_", " "), (row) => shown(name, row[name]), at ? "number" : null]);
  return table("What the gate compared", columns, rows);
}

function described(about, found) {
  const measured = about.metrics.filter((metric) => metric.name.startsWith("CER"));
  const kinds = [...new Set(measured.map((metric) => metric.name))];
  return [
    facts([
      ["Bundle", `${about.name} ${about.model}`],
      ["Made", when(found.created)],
      ["What it is", about.summary],
      ["Licence", about.licence],
      ["Parameters", whole(about.parameters)],
      ["Content", h("code", { title: found.sha256 }, found.sha256.slice(0, 16))],
      ["Code", found.code_commit && h("code", {}, found.code_commit.slice(0, 12))],
      ["Made with", about.training_command && h("code", {}, about.training_command)],
    ]),
    ...kinds.map((kind) => slices(kind, measured.filter((metric) => metric.name === kind))),
    h("h2", {}, "Learnt from"),
    table("Sources", [
      ["Source", (source) => source.name],
      ["Kind", (source) => source.kind],
      ["Licence", (source) => source.licence],
      ["From", (source) => source.origin],
    ], about.sources, { empty: "The bundle names no sources." }),
  ];
}

function slices(kind, metrics) {
  const most = Math.max(...metrics.map((metric) => metric.high ?? metric.value));
  return h(
    "section",
    {},
    h("h2", {}, kind),
    table(`${kind}, by data set`, [
      ["Data set", (metric) => metric.dataset],
      ["Split", (metric) => metric.split],
      ["CER", (metric) => rate(metric.value), "number"],
      ["95 % interval", (metric) => (metric.low === null ? h("span", { class: "hint" }, "one document") : `${rate(metric.low)} to ${rate(metric.high)}`), "number"],
      ["Interval", (metric) => interval(metric, most), "plot"],
      ["Lines", (metric) => (metric.lines === null ? "" : whole(metric.lines)), "number"],
      ["Documents", (metric) => (metric.documents === null ? "" : whole(metric.documents)), "number"],
    ], metrics),
  );
}

// Where the gate objects, the dialog shows why; a reason is needed to overrule it.
async function promote(item, done) {
  let refused = false;
  const answer = await ask(
    `Promote version ${item.version}?`,
    "All services read with it from now on. Requests that run are finished with the champion so far.",
    [{ name: "why", label: "Why (for the audit trail)", maxlength: 500, autocomplete: "off" }],
    "Promote",
    async ({ elements }) => {
      const why = elements.why.value.trim();
      if (refused && !why) throw Object.assign(new Error("The gate objects: give a reason to overrule it."), { retry: "Promote nevertheless" });
      try {
        return await send("POST", `/models/${item.version}/promote`, { why, force: refused });
      } catch (error) {
        if (error.body?.table) {
          // only the gate sends a table: other refusals, such as an unreachable registry, are no reason to overrule it
          refused = true;
          error.retry = "Promote nevertheless";
          error.table = error.body.table.length ? [figures(error.body.table)] : [];
        }
        throw error;
      }
    },
    { wide: true },
  );
  if (answer) told(answer, done);
}

async function back(done) {
  const answer = await ask("Roll back?", "The champion before this one is served again.", [{ name: "why", label: "Why (for the audit trail)", maxlength: 500, autocomplete: "off" }], "Roll back", ({ elements }) =>
    send("POST", "/models/rollback", { why: elements.why.value.trim() }),
  );
  if (answer) told(answer, done);
}

function told({ version, served }, done) {
  say(served ? `Version ${version} is the champion and is served.` : `Version ${version} is the champion. Not every service reads with it yet; they look every few seconds.`);
  return done();
}
