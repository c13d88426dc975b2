// Search over the text of all documents, and over other readings of doubtful lines.

import { get } from "./api.js";
import { debounce, h, icon, plural, say } from "./dom.js";

const LIMIT = 200;

export async function show(place, { query }) {
  document.title = "Search · Inkread";
  const input = h("input", { type: "search", id: "text", placeholder: "A name, a place, a word", value: query.get("query") ?? "", autofocus: true });
  const count = h("p", { class: "hint", role: "status" });
  const list = h("div", { class: "hits" });
  place.append(h("div", { class: "bar" }, h("h1", { tabindex: -1 }, "Search"), h("label", { class: "find wide", for: "text" }, icon("search"), h("span", { class: "aside" }, "Search all documents"), input)), count, list);
  let asked = null;
  const tag = h("select", { id: "tag", "aria-label": "Only pages with this tag", hidden: true }, h("option", { value: "" }, "all tags"));
  tag.addEventListener("change", () => find());
  count.before(tag);
  get("/documents?limit=1")
    .then(({ tags }) => {
      tag.append(...tags.map((name) => h("option", { value: name }, name)));
      tag.hidden = !tags.length;
    })
    .catch(() => null);

  async function find() {
    const text = input.value.trim();
    history.replaceState(null, "", text ? `/find?query=${encodeURIComponent(text)}` : "/find");
    asked?.abort();
    asked = new AbortController();
    if (!text) {
      list.replaceChildren();
      count.textContent = "The words of all your documents are searched, also other readings of lines that the model was unsure of.";
      return;
    }
    try {
      const { hits } = await get(`/search?query=${encodeURIComponent(text)}&limit=${LIMIT}${tag.value ? `&tag=${encodeURIComponent(tag.value)}` : ""}`, asked.signal);
      draw(hits, text);
    } catch (error) {
      if (error.name !== "AbortError") say(error.message, { problem: true });
    }
  }

  function draw(hits, text) {
    count.textContent = hits.length ? `${plural(hits.length, "line")}${hits.length === LIMIT ? ", perhaps more: type more letters" : ""}` : "Nothing was found.";
    const groups = new Map();
    for (const hit of hits) groups.set(hit.document, [...(groups.get(hit.document) ?? []), hit]);
    list.replaceChildren(
      ...[...groups.values()].map((group) =>
        h(
          "section",
          { class: "group" },
          h("h2", {}, h("a", { href: `/d/${group[0].document}` }, group[0].name)),
          h(
            "ul",
            {},
            ...group.map((hit) =>
              h(
                "li",
                {},
                h(
                  "a",
                  { href: `/d/${hit.document}/${hit.page}?line=${encodeURIComponent(hit.line)}` },
                  h("span", { class: "hint number" }, `p. ${hit.page}`),
                  h("span", { class: "text" }, ...marked(hit.text, text)),
                  hit.alternative && h("span", { class: "hint" }, "other reading: ", ...marked(hit.alternative, text)),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  input.addEventListener("input", debounce(find, 200));
  await find();
  input.focus();
  return () => asked?.abort();
}

function marked(text, query) {
  const at = text.toLocaleLowerCase().indexOf(query.toLocaleLowerCase());
  if (at < 0) return [text];
  return [text.slice(0, at), h("mark", {}, text.slice(at, at + query.length)), text.slice(at + query.length)];
}
