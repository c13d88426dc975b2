// One document: its pages with state and confidence.

import { call, follow, get, send, user } from "./api.js";
import { busy, progress } from "./documents.js";
import { exportDialog, nameDialog, shareDialog, tagList, tagsDialog } from "./dialogs.js";
import { button, confirm, debounce, grade, h, percent, picture, plural, say, stateName, when } from "./dom.js";
import { drop } from "./drafts.js";

const FILTERS = { "": "All", check: "To check", in_correction: "In correction", done: "Done", failed: "Failed" };
const SURE = 0.9;
const [FIRST, STEP] = [40, 80];

export async function show(place, { parts: [id], go }) {
  let item = await get(`/documents/${id}`);
  let filter = "";
  let drawing = null;
  const head = h("div", { class: "head" });
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Pages to show" });
  const grid = h("ol", { class: "pages", "aria-label": "Pages" });
  place.append(head, chips, grid);

  const kept = {
    "": () => true,
    check: (page) => page.state === "read" && (page.confidence ?? 0) < SURE,
    in_correction: (page) => page.state === "in_correction",
    done: (page) => page.state === "done",
    failed: (page) => page.state === "failed",
  };

  const shown = () => item.pages.filter(kept[filter]).map((page) => page.number);

  function header() {
    document.title = `${item.name} · Inkread`;
    const owner = item.role === "owner";
    const about = [item.collection, plural(item.pages_total ?? 0, "page"), when(item.created), owner ? null : `shared by ${item.owner}`, item.expires ? `deleted on ${when(item.expires)}` : null];
    head.replaceChildren(
      h("p", { class: "crumbs" }, h("a", { href: "/" }, "Documents"), " / "),
      h(
        "div",
        { class: "bar" },
        h("h1", { tabindex: -1 }, item.name),
        h("span", { class: `confidence ${grade(item.confidence)}` }, percent(item.confidence)),
        h("span", { class: "progress-cell" }, progress(item)),
        h(
          "div",
          { class: "tools" },
          busy(item) && item.role !== "reader" && button("Stop reading", "close", () => act("cancel"), { text: "Stop" }),
          ["failed", "cancelled"].includes(item.state) && item.role !== "reader" && button("Read again", "rotate", () => act("retry"), { text: "Read again" }),
          button("Export", "save", () => exportDialog([item], null, "", filter ? shown() : []), { text: "Export" }),
          item.role !== "reader" && button("Tags", "lines", tag, { text: "Tags" }),
          owner && button("Share", "share", () => shareDialog(item), { text: "Share" }),
          owner && button("Rename", "lines", rename, { text: "Rename" }),
          owner && button("Delete", "bin", remove, { text: "Delete" }),
        ),
      ),
      h("p", { class: "hint" }, about.filter(Boolean).join(" · "), " ", tagList(item.tags)),
    );
  }

  function counts() {
    chips.replaceChildren(
      ...Object.entries(FILTERS).map(([name, label]) => {
        const count = item.pages.filter(kept[name]).length;
        return h("button", { type: "button", class: "chip", "aria-pressed": String(filter === name), hidden: Boolean(name) && !count, onclick: () => ((filter = name), pages()) }, `${label} `, h("small", {}, count));
      }),
    );
  }
  const countLater = debounce(counts, 300);

  // The first pages are shown at once, the others behind them, so that a long document does not keep anybody waiting.
  function pages() {
    counts();
    const own = {};
    drawing = own;
    const numbers = shown();
    const draw = (from, count) => {
      if (drawing !== own) return;
      const now = new Map(item.pages.map((page) => [page.number, page]));
      grid.append(...numbers.slice(from, from + count).map((number) => tile(now.get(number))));
      if (from + count < numbers.length) setTimeout(() => draw(from + count, STEP));
      else drawing = null;
    };
    grid.replaceChildren();
    draw(0, FIRST);
  }

  function tile(page) {
    const ready = page.width > 0;
    const thumbnail = ready ? picture(`/documents/${id}/pages/${page.number}/image?width=320`) : null;
    const label = [`Page ${page.number}`, stateName(page.state), page.confidence === null ? "" : percent(page.confidence), ...page.tags].filter(Boolean).join(", ");
    return h(
      "li",
      { data: { page: page.number } },
      h(
        "a",
        { href: `/d/${id}/${page.number}`, class: "tile", "aria-label": label, title: page.error },
        h("span", { class: "thumbnail" }, thumbnail),
        h("span", { class: "caption" }, h("b", {}, page.number), h("span", { class: `state ${page.state}` }, stateName(page.state)), h("span", { class: `confidence ${grade(page.confidence)}` }, percent(page.confidence))),
        page.tags.length > 0 && h("span", { class: "caption" }, tagList(page.tags)),
      ),
    );
  }

  async function act(what) {
    try {
      item = { ...item, ...(await send("POST", `/documents/${id}/${what}`)) };
      header();
      pages();
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  async function tag() {
    const tags = await tagsDialog(item.name, `/documents/${id}/tags`, item.tags);
    if (!tags) return;
    item = { ...item, tags };
    header();
  }

  async function rename() {
    const changed = await nameDialog(item);
    if (!changed) return;
    item = { ...item, ...changed, pages: item.pages };
    header();
  }

  async function remove() {
    const text = "Scans, texts and all versions are deleted from the server for everybody. This cannot be undone.";
    if (!(await confirm(`Delete ${item.name}?`, text, "Delete"))) return;
    try {
      await call(`/documents/${id}`, { method: "DELETE" });
      await drop(user, id).catch(() => null);
      go("/");
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  header();
  pages();
  return follow(`/documents/${id}`, {
    page: (page) => {
      const at = item.pages.findIndex((other) => other.number === page.number);
      if (at < 0) item.pages.push(page);
      else if (JSON.stringify(item.pages[at]) === JSON.stringify(page)) return;
      else item.pages[at] = page;
      const old = grid.querySelector(`[data-page="${page.number}"]`);
      if (old && kept[filter](page)) old.replaceWith(tile(page));
      else if (!drawing) pages();
      countLater();
    },
    document: async (summary) => {
      const pagesKnown = item.pages.length === (summary.pages_total ?? 0);
      item = { ...item, ...summary };
      if (!pagesKnown) {
        item = await get(`/documents/${id}`);
        pages();
      }
      header();
    },
  });
}
