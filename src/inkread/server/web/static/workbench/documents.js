// All documents: search by name, collections, upload, live progress, selections.

import { call, follow, get, user } from "./api.js";
import { exportDialog, tagList } from "./dialogs.js";
import { button, confirm, debounce, grade, h, icon, percent, picture, plural, say, size, stateName, when } from "./dom.js";
import { drop } from "./drafts.js";
import { uploads } from "./upload.js";

const LIMIT = 50;
const FOLLOWED = 2; // documents whose events are followed; the others are asked for
const ASK_EVERY = 4000;

export async function show(place, { query, go }) {
  document.title = "Documents · Inkread";
  let shown = [];
  let total = 0;
  const collection = { name: query.get("collection") ?? "" };
  let tag = query.get("tag") ?? "";
  let tags = [];
  const selected = new Set();
  const following = new Map();

  const search = h("input", { type: "search", id: "name", placeholder: "Name of a document", value: query.get("query") ?? "" });
  const list = h("ul", { class: "documents", "aria-label": "Documents" });
  const chips = h("nav", { class: "chips", "aria-label": "Collections" });
  const count = h("p", { class: "hint", "aria-live": "polite" });
  const more = h("button", { type: "button", class: "plain", hidden: true, onclick: () => load(shown.length) }, "Show more");
  const chosen = h("div", { class: "chosen", hidden: true });
  const upload = uploads(place, { collections: () => names, uploaded: () => load(0) });
  let names = [];

  place.append(
    h(
      "div",
      { class: "bar" },
      h("h1", { tabindex: -1 }, "Documents"),
      h("label", { class: "find", for: "name" }, icon("search"), h("span", { class: "aside" }, "Search names"), search),
      h("button", { type: "button", class: "with-icon", onclick: () => upload.choose() }, icon("add"), "Add scans"),
    ),
    upload.element,
    chips,
    chosen,
    list,
    h("div", { class: "bar" }, count, more),
  );

  const address = () => {
    const parameters = new URLSearchParams({ limit: LIMIT });
    if (search.value.trim()) parameters.set("query", search.value.trim());
    if (collection.name) parameters.set("collection", collection.name);
    if (tag) parameters.set("tag", tag);
    return parameters;
  };

  async function load(offset) {
    const parameters = address();
    parameters.set("offset", offset);
    const answer = await get(`/documents?${parameters}`);
    names = answer.collections;
    tags = answer.tags;
    total = answer.total;
    shown = offset ? [...shown, ...answer.documents] : answer.documents;
    draw();
  }

  function draw() {
    chips.hidden = !names.length && !tags.length;
    const chip = (name, label) =>
      h(
        "button",
        { type: "button", class: "chip", "aria-pressed": String(collection.name === name), onclick: () => ((collection.name = name), load(0)) },
        label,
      );
    const tagChip = (name) => h("button", { type: "button", class: "chip tag", "aria-pressed": String(tag === name), onclick: () => ((tag = tag === name ? "" : name), load(0)) }, name);
    chips.replaceChildren(chip("", "All"), ...names.map((name) => chip(name, name)), ...tags.map(tagChip));
    list.replaceChildren(...shown.map((item) => row(item)));
    list.classList.toggle("empty", !shown.length);
    if (!shown.length) list.append(h("li", { class: "nothing" }, search.value || collection.name || tag ? "No document has this name or tag." : "Drop scans or PDFs here. Each page is read, and you correct what the model was unsure of."));
    count.textContent = total ? `${shown.length} of ${plural(total, "document")}` : "";
    more.hidden = shown.length >= total;
    selection();
    watch();
  }

  function row(item) {
    const box = h("input", {
      type: "checkbox",
      "aria-label": `Select ${item.name}`,
      onchange: (event) => {
        if (event.target.checked) selected.add(item.id);
        else selected.delete(item.id);
        selection();
      },
    });
    box.checked = selected.has(item.id);
    const cover = item.pages_done > 0 ? picture(`/documents/${item.id}/pages/1/image?width=160`) : null;
    return h(
      "li",
      { class: "document", data: { id: item.id } },
      box,
      h("span", { class: "cover" }, cover),
      h(
        "div",
        { class: "what" },
        h("a", { href: `/d/${item.id}` }, item.name),
        h("span", { class: "hint" }, [item.collection, item.role === "owner" ? null : `${item.owner} shares it, you are ${item.role}`].filter(Boolean).join(" · ")),
        tagList(item.tags),
      ),
      h("div", { class: "progress-cell" }, progress(item)),
      h("span", { class: "hint number" }, item.pages_total ? plural(item.pages_total, "page") : ""),
      h("span", { class: `confidence ${grade(item.confidence)}`, title: "Mean confidence" }, percent(item.confidence)),
      h("span", { class: "hint when", title: item.expires ? `Deleted on ${when(item.expires)}` : size(item.bytes) }, when(item.created)),
    );
  }

  function selection() {
    const items = shown.filter((item) => selected.has(item.id));
    chosen.hidden = !items.length;
    chosen.replaceChildren(
      h("span", { "aria-live": "polite" }, `${plural(items.length, "document")} selected`),
      button("Export", "save", () => exportDialog(items, null, tag), { text: "Export" }),
      items.every((item) => item.role === "owner") && button("Delete", "bin", () => remove(items), { text: "Delete" }),
      button("Select none", "close", () => (selected.clear(), draw()), { text: "Select none" }),
    );
  }

  async function remove(items) {
    const text = `${items.map((item) => item.name).join(", ")}: scans, texts and all versions are deleted from the server for everybody. This cannot be undone.`;
    if (!(await confirm(`Delete ${plural(items.length, "document")}?`, text, "Delete"))) return;
    for (const item of items) {
      try {
        await call(`/documents/${item.id}`, { method: "DELETE" });
        await drop(user, item.id).catch(() => null);
      } catch (error) {
        say(error.message, { problem: true });
      }
    }
    selected.clear();
    await load(0);
  }

  function update(item) {
    const at = shown.findIndex((other) => other.id === item.id);
    if (at < 0) return;
    shown[at] = item;
    list.querySelector(`[data-id="${item.id}"]`)?.replaceWith(row(item));
    if (!busy(item)) watch();
  }

  // Two documents are followed as they are read; browsers hold few connections open.
  function watch() {
    const reading = shown.filter(busy).slice(0, FOLLOWED);
    for (const [id, stop] of following) {
      if (!reading.some((item) => item.id === id)) {
        stop();
        following.delete(id);
      }
    }
    for (const { id } of reading) if (!following.has(id)) following.set(id, follow(`/documents/${id}`, { document: update }));
  }

  const asking = setInterval(async () => {
    if (document.hidden || !shown.some((item) => busy(item) && !following.has(item.id))) return;
    const answer = await get(`/documents?${address()}`).catch(() => null);
    for (const item of answer?.documents ?? []) update(item);
  }, ASK_EVERY);

  search.addEventListener(
    "input",
    debounce(() => load(0).catch((error) => say(error.message, { problem: true })), 200),
  );
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && search.value.trim()) go(`/find?query=${encodeURIComponent(search.value.trim())}`);
  });
  await load(0);
  return () => {
    clearInterval(asking);
    upload.close();
    for (const stop of following.values()) stop();
  };
}

export const busy = (item) => item.state === "waiting" || item.state === "reading";

export function progress(item) {
  if (!busy(item)) return h("span", { class: `state ${item.state}`, title: item.error }, stateName(item.state), item.error ? `: ${item.error}` : "");
  const text = item.pages_total ? `${item.pages_done} of ${item.pages_total} read` : stateName(item.state);
  return [
    h("progress", { max: item.pages_total || 1, value: item.pages_total ? item.pages_done : 0, "aria-label": "Pages read" }),
    h("span", { class: "hint" }, item.error ? `${text}; ${item.error}` : text),
  ];
}
