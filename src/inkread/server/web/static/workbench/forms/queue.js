// Fields that are unsure or invalid, one field of a form at a time, keyed without a mouse.

import { get } from "../api.js";
import { keysDialog } from "../dialogs.js";
import { button, h, plural, say } from "../dom.js";
import { KEYS, Keying } from "./keying.js";

const LIMIT = 50;
const AHEAD = 10; // fields left from which more are fetched
const SEEN = 5; // pictures that are fetched before they are shown

const keyOf = (item) => `${item.batch}/${item.form}/${item.field}`;
const nameOf = (group) => `${group.template} · ${group.label || group.field}`;

export async function show(place, { query }) {
  document.title = "Key unsure fields · Inkread";
  const scope = Object.fromEntries(["template", "batch"].map((name) => [name, query.get(name)]).filter(([, value]) => value));
  let groups = [];
  let group = null;
  let items = [];
  let at = 0;
  let done = 0;
  const kept = new Set(); // keyed by this person in this view

  const select = h("select", { id: "group", onchange: () => open(groups[select.selectedIndex]) });
  const standing = h("p", { class: "hint", "aria-live": "polite" });
  const nothing = h("p", { class: "nothing", hidden: true }, "No field waits to be keyed.");
  const keying = new Keying({ accepted, step });
  const back = button("Back", "up", () => step(-1), { text: "Back", keys: "↑" });
  const later = button("Later", "down", () => step(1), { text: "Later", keys: "↓" });
  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "/f" }, "Forms"), " / "),
    h("div", { class: "bar" }, h("h1", { tabindex: -1 }, "Key unsure fields"), h("label", { for: "group" }, "Field"), select, button("Keys", "help", () => keysDialog([["Keying", KEYS]]), { keys: "Ctrl+/" })),
    h("div", { class: "queue", hidden: true }, keying.element, h("div", { class: "bar" }, standing, back, later)),
    nothing,
  );

  async function fetchItems(of) {
    const parameters = new URLSearchParams({ limit: LIMIT, ...scope, ...(of ? { template: of.template, field: of.field } : {}) });
    return get(`/forms/queue?${parameters}`);
  }

  function drawGroups() {
    select.replaceChildren(...groups.map((each) => h("option", {}, `${nameOf(each)} (${each.count})`)));
    select.selectedIndex = Math.max(0, groups.findIndex((each) => group && each.template === group.template && each.field === group.field));
    select.disabled = !groups.length;
  }

  async function open(wanted) {
    const found = await fetchItems(wanted ?? null);
    groups = found.groups;
    group = wanted ? groups.find((each) => each.template === wanted.template && each.field === wanted.field) : groups[0];
    items = group ? (wanted ? found.items : (await fetchItems(group)).items) : [];
    [at, done] = [0, 0];
    drawGroups();
    draw();
  }

  function draw() {
    const item = items[at];
    nothing.hidden = Boolean(item);
    keying.element.parentElement.hidden = !item;
    if (!item) {
      keying.item = null;
      return;
    }
    keying.show(item);
    for (const next of items.slice(at + 1, at + 1 + SEEN)) new Image().src = next.image;
    const left = Math.max(0, group.count - done);
    standing.textContent = `${plural(left, "field")} of ${nameOf(group)} left${done ? `, ${done} keyed` : ""}.`;
    back.disabled = at === 0;
    later.disabled = at === items.length - 1;
  }

  async function more() {
    const known = new Set(items.map(keyOf));
    const found = await fetchItems(group);
    items.push(...found.items.filter((item) => !known.has(keyOf(item)) && !kept.has(keyOf(item))));
  }

  async function accepted(item, field, value) {
    if (item.mine === undefined) done++;
    item.mine = value;
    item.keyed_by = field.keyed_by;
    kept.add(keyOf(item));
    try {
      if (items.length - at <= AHEAD && items.length < group.count) await more();
      const open = items.findIndex((other, i) => i > at && other.mine === undefined);
      const first = open < 0 ? items.findIndex((other) => other.mine === undefined) : open;
      if (first >= 0) {
        at = first;
        return draw();
      }
      await finished();
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  // The next field of a form, once nothing of this one is left.
  async function finished() {
    const ended = group;
    const found = await fetchItems(null);
    const next = found.groups.find((each) => each.template !== ended.template || each.field !== ended.field);
    say(`${nameOf(ended)} is keyed.`);
    if (next) return open(next);
    groups = found.groups.filter((each) => each.template !== ended.template || each.field !== ended.field);
    [items, group] = [[], null];
    drawGroups();
    draw();
    place.querySelector("h1").focus();
  }

  function step(by) {
    if (!items[at + by]) return;
    at += by;
    draw();
  }

  function keys(event) {
    if (document.querySelector("dialog[open]") || !(event.key === "F1" || (event.key === "/" && event.ctrlKey))) return;
    event.preventDefault();
    keysDialog([["Keying", KEYS]]);
  }
  document.addEventListener("keydown", keys);
  await open(query.get("field") ? { template: query.get("template"), field: query.get("field") } : null);
  return () => document.removeEventListener("keydown", keys);
}
