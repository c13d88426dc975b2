// Versions of the model: figures, what the gate says, promotion and the way back, and what reads in the shadow.

import { get, send } from "../api.js";
import { button, h, plural, say, when } from "../dom.js";
import { action, ask, facts, interval, rate, repeatedly, table, whole } from "./parts.js";

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
          ["Actions", (item) => changes(item, load), "acts"],
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
      changes(found, again),
    ),
  );
  const details = h("div", {}, h("p", { class: "hint", role: "status" }, "The bundle is being fetched …"));
  place.append(gate(found));
  if (found.comparison) place.append(changed(await get(`/models/${item}/changes`), item));
  const ended = found.aliases.includes("shadow") ? shadow(place) : null;
  place.append(details);
  try {
    const about = await get(`/models/${item}`);
    details.replaceChildren(...described(about, found));
  } catch (error) {
    details.replaceChildren(h("p", { class: "problem", role: "alert" }, error.message));
  }
  return ended;
}

// What can be done with a version that is not the champion.
function changes(item, done) {
  if (item.aliases.includes("champion")) return null;
  const name = `version ${item.version}`;
  const shadowed = item.aliases.includes("shadow");
  return h(
    "span",
    { class: "badges" },
    action("Promote", name, () => promote(item, done)),
    shadowed ? action("End shadow", name, () => endShadow(item, done)) : action("Shadow", name, () => startShadow(item, done)),
  );
}

// How its readings differ from the champion's, as far as the services have counted; refreshed while it is seen.
function shadow(place) {
  const content = h("div", { role: "status" });
  place.append(h("section", {}, h("h2", {}, "Shadow"), content));
  const load = async () => {
    const report = await get("/models/shadow");
    const { pages, differing, cer, low, high, failed, skipped } = report;
    const reads = report.reading ? `Read by ${report.reading} of ${plural(report.services, "prediction service")}: ${rate(report.share)} of the pages, while nobody waits.` : "No prediction service reads with it yet.";
    const spread = low === null ? "" : ` (95 % ${rate(low)} to ${rate(high)})`;
    content.replaceChildren(
      report.problem && h("p", { class: "problem" }, report.problem),
      h("p", {}, reads),
      pages
        ? facts([
            ["Pages that both have read", whole(pages)],
            ["Read differently", `${whole(differing)} (${rate(differing / pages)})`],
            ["Difference of the readings (CER)", `${rate(cer)}${spread}`],
            ["Confidence", `${rate(report.confidence)}, champion ${rate(report.champion_confidence)}`],
            ["CPU time of a page", `${report.seconds.toFixed(2)} s, champion ${report.champion_seconds.toFixed(2)} s`],
            ["Not readable for it", failed ? whole(failed) : null],
            ["Left out", skipped ? whole(skipped) : null],
          ])
        : h("p", { class: "hint" }, "No page was read by both yet."),
      h("p", { class: "hint" }, "Nobody has transcribed these pages: the figures say how much the two differ, not which of them is right."),
    );
  };
  load().catch((error) => content.replaceChildren(h("p", { class: "problem" }, error.message)));
  return repeatedly(load, 5000);
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

// The gold lines that changed most: those that got worse first, as the API gives them.
function changed(changes, version) {
  const line = ({ document, written, champion, version: read, champion_edits: before, edits, picture }) =>
    h(
      "article",
      { class: "changed" },
      h("p", {}, h("span", { class: edits > before ? "confidence doubt" : "confidence sure" }, edits > before ? "worse" : "better"), ` ${plural(edits, "character")} wrong, champion ${before}, ${document}`),
      picture && h("img", { src: picture, alt: "the line as it is written" }),
      facts([
        ["Written", written],
        ["Champion", champion || "–"],
        [`Version ${version}`, read || "–"],
      ]),
    );
  return h("section", {}, h("h2", {}, "What changed"), changes.length ? changes.map(line) : h("p", { class: "hint" }, "No picture of a line is kept with this comparison."));
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

const WHY = { name: "why", label: "Why (for the audit trail)", maxlength: 500, autocomplete: "off" };

async function startShadow({ version }, done) {
  const text = "It reads some of the pages after the champion has, while nobody waits. What it reads is compared and never shown.";
  const answer = await ask(`Read with version ${version} in the shadow?`, text, [WHY], "Start", ({ elements }) => send("POST", `/models/${version}/shadow`, { why: elements.why.value.trim() }));
  if (!answer) return;
  say(`Version ${version} reads beside the champion in a few seconds.`);
  done();
}

async function endShadow({ version }, done) {
  const answer = await ask(`End the shadow of version ${version}?`, "The champion reads on as before.", [WHY], "End", ({ elements }) => send("DELETE", `/models/shadow?why=${encodeURIComponent(elements.why.value.trim())}`));
  if (!answer) return;
  say(`Version ${version} reads beside the champion no more.`);
  done();
}

// Where the gate objects, the dialog shows why; a reason is needed to overrule it.
async function promote(item, done) {
  let refused = false;
  const answer = await ask(
    `Promote version ${item.version}?`,
    "All services read with it from now on. Requests that run are finished with the champion so far.",
    [WHY],
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
  const answer = await ask("Roll back?", "The champion before this one is served again.", [WHY], "Roll back", ({ elements }) =>
    send("POST", "/models/rollback", { why: elements.why.value.trim() }),
  );
  if (answer) told(answer, done);
}

function told({ version, served }, done) {
  say(served ? `Version ${version} is the champion and is served.` : `Version ${version} is the champion. Not every service reads with it yet; they look every few seconds.`);
  return done();
}
