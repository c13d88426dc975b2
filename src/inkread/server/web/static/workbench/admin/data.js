// Versions of the data set: sources, growth, what was skipped.

import { get } from "../api.js";
import { h, plural, when } from "../dom.js";
import { bar, facts, table, whole } from "./parts.js";

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);
const listed = (counts) => Object.entries(counts).map(([name, count]) => `${name || "not split"}: ${whole(count)}`).join(", ");

export async function show(place) {
  const { versions } = await get("/datasets");
  const most = Math.max(...versions.map((item) => sum(item.samples)));
  const growth = (item) => sum(item.samples) - sum(versions.find((other) => other.version < item.version)?.samples ?? {});
  place.append(
    h("div", { class: "bar" }, h("h1", { tabindex: -1 }, "Data sets"), h("a", { href: "/admin/jobs" }, "New data set: under Jobs")),
    table(
      "Versions of the data set",
      [
        ["Version", (item) => h("a", { href: `/admin/data/${item.version}` }, String(item.version))],
        ["Source", (item) => item.source],
        ["Made", (item) => when(item.made)],
        ["Samples", (item) => whole(sum(item.samples)), "number"],
        ["Size", (item) => bar(sum(item.samples), most), "plot"],
        ["Growth", (item) => `${growth(item) < 0 ? "−" : "+"}${whole(Math.abs(growth(item)))}`, "number"],
        ["Skipped", (item) => whole(sum(item.skipped)), "number"],
        ["Job", (item) => h("a", { href: `/admin/jobs/${item.job}` }, item.job)],
      ],
      versions,
      { empty: "There is no data set yet. Make one under Jobs." },
    ),
  );
}

export async function showOne(place, { item }) {
  const found = await get(`/datasets/${encodeURIComponent(item)}`);
  const skipped = sum(found.skipped);
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "/admin/data" }, "Data sets"), " / "),
    h("h1", { tabindex: -1 }, `Version ${found.version}`),
    facts([
      ["Made", when(found.made)],
      ["By the job", h("a", { href: `/admin/jobs/${found.job}` }, found.job)],
      ["Samples", listed(found.samples)],
      ["Splits", listed(found.splits)],
      ["Content", h("code", { title: found.sha256 }, found.sha256.slice(0, 16))],
    ]),
    h("h2", {}, "Sources"),
    table("Sources", [
      ["Source", (source) => source.source],
      ["Samples", (source) => whole(source.samples), "number"],
      ["Documents", (source) => whole(source.documents), "number"],
      ["Writers", (source) => (source.writers ? whole(source.writers) : "unknown"), "number"],
      ["Splits", (source) => listed(source.splits)],
      ["Languages", (source) => source.languages.join(", ")],
      ["Licence", (source) => source.licences.join("; ") || h("span", { class: "problem" }, "not given")],
    ], found.sources),
    h("h2", {}, "Skipped"),
    table("Skipped", [
      ["Reason", ([reason]) => reason],
      ["Samples", ([, count]) => whole(count), "number"],
    ], Object.entries(found.skipped), { empty: "Nothing was skipped." }),
  );
  if (found.skipped_names.length) {
    const names = h("ul", { class: "files" }, ...found.skipped_names.map((name) => h("li", {}, name)));
    const title = found.skipped_names.length < skipped ? `The first ${whole(found.skipped_names.length)} of ${whole(skipped)}` : plural(skipped, "sample");
    place.append(h("details", {}, h("summary", {}, title), names));
  }
}
