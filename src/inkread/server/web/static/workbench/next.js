// What to correct next: the lines of all documents that teach the model most, and those on which two people disagree.

import { get } from "./api.js";
import { grade, h, percent, plural, say } from "./dom.js";

const LIMIT = 100;

export async function show(place, { query }) {
  document.title = "To correct · Inkread";
  const count = h("p", { class: "hint", role: "status" });
  const list = h("ol", { class: "hits next", "aria-label": "Lines to correct" });
  const collection = h("select", { id: "collection", "aria-label": "Only documents of this collection", hidden: true }, h("option", { value: "" }, "all collections"));
  place.append(h("div", { class: "bar" }, h("h1", { tabindex: -1 }, "To correct"), collection), count, list);
  const { collections } = await get("/documents?limit=1");
  collection.append(...collections.map((name) => h("option", { value: name }, name)));
  collection.hidden = !collections.length;
  collection.value = collections.includes(query.get("collection")) ? query.get("collection") : "";

  async function load() {
    const asked = new URLSearchParams({ limit: LIMIT });
    if (collection.value) asked.set("collection", collection.value);
    const { lines } = await get(`/documents/queue?${asked}`);
    count.textContent = lines.length
      ? `${lines.length === LIMIT ? "The first " : ""}${plural(lines.length, "line")}. Those from which the model learns most come first.`
      : "No line is left in the documents that you may correct.";
    list.replaceChildren(...lines.map(row));
  }

  collection.addEventListener("change", () => {
    history.replaceState(null, "", collection.value ? `/next?collection=${encodeURIComponent(collection.value)}` : "/next");
    load().catch((error) => say(error.message, { problem: true }));
  });
  await load();
}

function row(line) {
  const wrong = Math.round(line.expected_errors);
  const why = [wrong > 0 && `about ${plural(wrong, "character")} wrong`, ...line.unusual.map((figure) => `unusual ${figure}`)].filter(Boolean).join(", ");
  return h(
    "li",
    {},
    h(
      "a",
      { href: `/d/${line.document}/${line.page}?line=${encodeURIComponent(line.line)}` },
      h("span", { class: "hint" }, `${line.name}, p. ${line.page}`),
      h("span", { class: `confidence ${grade(line.confidence)}` }, percent(line.confidence)),
      h("span", { class: "text" }, line.disputed.length ? line.disputed.map((text, at) => [at > 0 && h("span", { class: "hint" }, " or "), text]) : line.text),
      h("span", { class: "hint" }, line.disputed.length ? "two people disagree" : why),
    ),
  );
}
