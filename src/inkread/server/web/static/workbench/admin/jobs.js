// Jobs of both services: how they stand, what they wrote, starting and cancelling.

import { call, get } from "../api.js";
import { button, confirm, h, say, when } from "../dom.js";
import { ask, facts, rate, repeatedly, table, whole } from "./parts.js";

const EVERY = 2000;
const active = (job) => job.state === "queued" || job.state === "running";
const KINDS = { ingest: "data set", train: "training", retrain: "retraining", health: "health check" };
const SOURCES = [
  ["file", "An archive that you upload"],
  ["folder", "A folder or archive on the server"],
  ["rendered", "Rendered pages (to try it out)"],
];
const FORMATS = [
  ["", "Find out"],
  ["iam", "IAM"],
  ["pages", "Images with PAGE or ALTO"],
  ["table", "Table"],
];

export async function show(place, { go }) {
  const content = h("div", {});
  place.append(
    h(
      "div",
      { class: "bar" },
      h("h1", { tabindex: -1 }, "Jobs"),
      h("button", { type: "button", class: "with-icon", onclick: () => start(ingest, go) }, "New data set"),
      h("button", { type: "button", class: "with-icon", onclick: () => start(train, go) }, "Train"),
    ),
    content,
  );
  let before = "";
  async function load() {
    const found = await get("/jobs");
    const now = JSON.stringify(found);
    if (now === before) return; // the focus stays where it is
    before = now;
    const focused = content.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    content.replaceChildren(
      table(
        "Jobs",
        [
          ["Job", (job) => h("a", { href: `/admin/jobs/${job.id}` }, job.id)],
          ["What", (job) => KINDS[job.kind]],
          ["State", (job) => state(job)],
          ["By", (job) => job.who],
          ["Asked for", (job) => when(job.submitted)],
          ["Took", (job) => job.ended && duration(job), "number"],
        ],
        found.jobs,
        { empty: "No job was started yet." },
      ),
      h("h2", {}, "Schedules"),
      table(
        "Schedules",
        [
          ["What", (item) => item.name],
          ["When (crontab, UTC)", (item) => h("code", {}, item.crontab)],
          ["Last", (item) => (item.last ? when(item.last) : "not yet")],
        ],
        found.schedules,
        { empty: "Nothing starts by itself." },
      ),
    );
    if (focused) content.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
  await load();
  return repeatedly(load, EVERY);
}

export async function showOne(place, { item }) {
  const path = `/jobs/${encodeURIComponent(item)}`;
  const standing = h("div", {});
  const log = h("pre", { class: "log", tabindex: 0, "aria-label": "Log" });
  const cancel = button("Cancel the job", "close", stop, { text: "Cancel" });
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "/admin/jobs" }, "Jobs"), " / "),
    h("div", { class: "bar" }, h("h1", { tabindex: -1 }, item), cancel),
    standing,
    h("h2", {}, "Log"),
    log,
  );
  async function stop() {
    const text = "What it did so far is dropped; data and settings are put back to what they were before it.";
    if (!(await confirm("Cancel this job?", text, "Cancel the job"))) return;
    try {
      draw(await (await call(path, { method: "DELETE" })).json());
    } catch (error) {
      say(error.message, { problem: true });
    }
  }
  function draw(job) {
    cancel.hidden = !active(job);
    standing.replaceChildren(
      facts([
        ["State", state(job)],
        ["What", KINDS[job.kind]],
        ["Stage", job.stage],
        ["By", job.who],
        ["Asked for", when(job.submitted)],
        ["Took", duration(job)],
        ["Why it failed", job.message && h("span", { class: "problem" }, job.message)],
        ...Object.entries(job.metrics).map(([name, value]) => [label(name), figure(name, value)]),
      ]),
    );
    const end = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    log.textContent = job.log.join("\n") || "Nothing was written yet.";
    if (end) log.scrollTop = log.scrollHeight;
    return job;
  }
  let job = draw(await get(path));
  log.scrollTop = log.scrollHeight;
  return repeatedly(async () => {
    if (active(job)) job = draw(await get(path));
  }, EVERY);
}

function state(job) {
  const shown = h("span", { class: `state ${job.state}`, title: job.message || null }, job.state);
  if (job.state !== "running") return shown;
  return [shown, " ", h("progress", { max: 1, value: job.progress, "aria-label": "Stages that are done" }), " ", h("span", { class: "hint" }, job.stage)];
}

function duration(job) {
  if (!job.started) return "";
  const seconds = Math.round((new Date(job.ended || Date.now()) - new Date(job.started)) / 1000);
  return seconds < 120 ? `${Math.max(0, seconds)} s` : `${Math.round(seconds / 60)} min`;
}

const SHARES = ["cer", "wer", "ece"];
const label = (name) => (SHARES.includes(name) ? name.toUpperCase() : name.replaceAll("_", " "));
const figure = (name, value) => {
  if (name === "version") return h("a", { href: `/admin/models/${value}` }, String(value));
  if (name === "dataset_version") return h("a", { href: `/admin/data/${value}` }, String(value));
  return SHARES.includes(name) ? rate(value) : whole(value);
};

async function start(form, go) {
  const job = await form();
  if (job) go(`/admin/jobs/${job.id}`);
}

const posted = async (path, options) => (await call(path, { method: "POST", ...options })).json();

function ingest() {
  const from = (kind) => (form) => form.elements.from.value === kind;
  const real = (form) => !from("rendered")(form);
  return ask(
    "New data set",
    "",
    [
      { name: "from", label: "Made of", options: SOURCES, value: "file" },
      { name: "file", label: "Archive (zip or tar)", type: "file", accept: ".zip,.tar,.tgz,.gz,.xz,.bz2", shown: from("file") },
      { name: "source", label: "Path on the server", hint: "Below one of INKREAD_INGEST_FOLDERS", maxlength: 1000, shown: from("folder") },
      { name: "format", label: "Format", options: FORMATS, shown: real },
      { name: "name", label: "Name of the source", maxlength: 100, shown: real },
      { name: "licence", label: "Licence", maxlength: 200, shown: real },
      { name: "language", label: "Language (such as en)", maxlength: 35, shown: real },
      { name: "add", label: "Add to the newest data set", type: "checkbox" },
      { name: "corrections", label: "Add the newest version of the corrections", type: "checkbox" },
    ],
    "Start",
    async ({ elements }) => {
      const request = { add: elements.add.checked, corrections: elements.corrections.checked };
      if (elements.from.value !== "rendered") {
        Object.assign(request, { name: elements.name.value.trim(), licence: elements.licence.value.trim(), language: elements.language.value.trim() });
        if (elements.format.value) request.format = elements.format.value;
      }
      const body = new FormData();
      if (elements.from.value === "folder") {
        request.source = elements.source.value.trim();
        if (!request.source) throw new Error("Name a folder or an archive.");
      }
      if (elements.from.value === "file") {
        if (!elements.file.files.length) throw new Error("Choose an archive.");
        body.append("file", elements.file.files[0]);
      }
      body.append("request", JSON.stringify(request));
      return posted("/ingest", { body });
    },
  );
}

function train() {
  return ask(
    "Train",
    "A model is trained on the newest data set, evaluated, and registered as challenger. It serves nobody until it is promoted.",
    [
      { name: "steps", label: "Steps (empty: as params.yaml says)", type: "number", min: 1, max: 1_000_000 },
      { name: "params", label: "Other settings as JSON (may be empty)", type: "textarea", rows: 4, spellcheck: "false", hint: 'By section of params.yaml, such as {"split_data": {"seed": 2}}' },
    ],
    "Start",
    async ({ elements }) => {
      let params = {};
      try {
        params = JSON.parse(elements.params.value || "{}");
      } catch (error) {
        throw new Error(`The settings are no JSON: ${error.message}.`);
      }
      if (elements.steps.value) {
        params.build_train_cnn ??= {};
        params.build_train_cnn.recognizer = { ...params.build_train_cnn.recognizer, steps: Number(elements.steps.value) };
      }
      return posted("/train", { json: { params } });
    },
  );
}
