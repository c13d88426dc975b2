// One page: the scan beside its text, corrected with the keyboard.

import { follow, get } from "./api.js";
import { conflictDialog, exportDialog, keysDialog, tagsDialog, versionsDialog } from "./dialogs.js";
import { button, h, icon, percent, plural, say, stateName } from "./dom.js";
import { Editing } from "./editing.js";
import { KINDS, Lines, state as stateOf, unsure } from "./lines.js";
import { Scan } from "./scan.js";
import { bounds, outline, rectangle, within } from "./shapes.js";
import { Strip } from "./strip.js";

const KEYS = [
  [
    "Lines",
    [
      ["Enter", "Accept the line, go to the next one"],
      ["Ctrl+Enter", "Accept the line, go to the next unsure one"],
      ["F8 / Shift+F8", "Next, previous unsure line"],
      ["↓ / ↑", "Next, previous line (also Alt+↓, Alt+↑)"],
      ["Alt+1 … Alt+9", "Take another reading; 1 … 9 alone outside the field"],
      ["Alt+S", "Split the line at the caret"],
      ["Alt+J", "Join the line with the next one"],
      ["Alt+T", "The kind of region of the line; Enter returns to the text"],
      ["Ctrl+Z / Ctrl+Shift+Z", "Undo, redo"],
      ["Ctrl+S", "Save now; every change is saved by itself"],
      ["Esc", "Leave the field: then J, K, N, P, U and digits work alone, Enter edits"],
    ],
  ],
  [
    "Pages",
    [
      ["Alt+PageDown / Alt+PageUp", "Next, previous page"],
      ["Ctrl+Shift+Enter", "Page is done, next page"],
      ["Ctrl+/ / F1", "These keys"],
    ],
  ],
  [
    "Scan",
    [
      ["Alt++ / Alt+-", "Zoom in, out; + and - alone on the scan; also the mouse wheel"],
      ["Alt+0", "Whole page"],
      ["Alt+R", "Turn by 90 degrees"],
      ["Arrows", "Move the scan when it has the focus"],
    ],
  ],
  [
    "Places of lines",
    [
      ["Alt+G", "Show and change the places of lines"],
      ["Alt+A", "Draw a line: click or drag along its baseline; Enter ends it"],
      ["Alt+Del", "Delete the line"],
      ["Alt+Shift+↑ / Alt+Shift+↓", "Earlier, later in reading order"],
      ["Alt+B", "A region begins at this line; again: it ends at this line"],
      ["Alt+Shift+PageUp / Alt+Shift+PageDown", "Region earlier, later in reading order"],
      ["Tab to a point, arrows", "Move the point by 2 pixels, with Shift by 10; Delete removes it"],
    ],
  ],
];

const STATUS = {
  saved: "Saved",
  unsaved: "Changed",
  saving: "Saving …",
  offline: "Kept in this browser",
  conflict: "To be decided",
};

const known = new Map(); // documents, so that the next page is there at once

export async function show(place, { parts: [id, text], query, go }) {
  const number = Number(text);
  const path = `/documents/${id}/pages/${number}`;
  const [item, page] = await Promise.all([known.get(id) ?? get(`/documents/${id}`), get(path)]);
  known.set(id, item);
  document.title = `Page ${number} of ${item.name} · Inkread`;
  const total = item.pages.length;
  const readonly = item.role === "reader";
  const editing = new Editing(page, path);
  let below = Number(localStorage.getItem("inkread below")) || 0.75;

  const strip = new Strip();
  const scan = new Scan({
    pick: (line) => lines.focus(line),
    place: (line, baseline, polygon) => attempt(() => editing.place(line, baseline, polygon), "The line was read again."),
    add: (baseline) => attempt(async () => lines.focus(await editing.add(baseline)), "The new line was read."),
    enclose: (frame) => region(within(editing.lines, frame), frame),
    reframe: (line, frame) => editing.reframe(line, frame) || say("No line lies in it, so it stays as it was."),
    picture: () => redraw(),
  });
  const lines = new Lines(
    {
      write: (line, value) => editing.write(line, value),
      select: (line) => {
        scan.select(line);
        redraw();
        tools();
      },
      choose: (line, value) => {
        editing.choose(line, value);
        lines.focus(line);
      },
    },
    strip,
    { readonly },
  );

  // ---- what is around scan and text

  const status = h("span", { class: "status saved" }, STATUS.saved);
  const state = h("span", {});
  const count = h("span", { class: "hint", "aria-live": "polite" });
  const threshold = h("select", { id: "below", onchange: () => (localStorage.setItem("inkread below", (below = Number(threshold.value))), draw()) });
  threshold.append(...[0.5, 0.6, 0.75, 0.9, 0.95].map((share) => h("option", { value: share }, percent(share))));
  threshold.value = below;
  const kind = h("select", { id: "kind", disabled: true, title: "Kind of region (Alt+T)", onchange: () => editing.classify(lines.current, kind.value, whole.checked) });
  kind.append(...Object.entries(KINDS).map(([value, name]) => h("option", { value }, name)));
  kind.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    lines.focus(lines.current);
  });
  const whole = h("input", { type: "checkbox", id: "whole", disabled: readonly });
  const goto = h("input", { type: "number", min: 1, max: total, value: number, "aria-label": `Page, of ${total}`, onchange: () => turn(Number(goto.value)) });
  const undo = button("Undo", "undo", () => step("undo"), { keys: "Ctrl+Z" });
  const redo = button("Redo", "redo", () => step("redo"), { keys: "Ctrl+Shift+Z" });
  const previous = button("Previous page", "back", () => turn(number - 1), { keys: "Alt+PageUp", disabled: number <= 1 });
  const next = button("Next page", "next", () => turn(number + 1), { keys: "Alt+PageDown", disabled: number >= total });
  const shapes = button("Places of lines", "lines", () => shape(), { keys: "Alt+G", "aria-pressed": "false", disabled: readonly });
  const finished = () => editing.page.state === "done";
  const finish = h("button", { type: "button", class: "with-icon", title: "Page is done, next page (Ctrl+Shift+Enter)", onclick: () => (finished() ? editing.save("in_correction") : done()) }, icon("check"), h("span", {}));
  const bar = h("div", { class: "shapes", role: "group", "aria-label": "Places of lines", hidden: true });
  const empty = h("p", { class: "nothing", hidden: true });
  const panes = h(
    "div",
    { class: "panes" },
    h(
      "section",
      { class: "scan-pane", "aria-label": "Scan" },
      h(
        "div",
        { class: "scan-bar", role: "toolbar", "aria-label": "Scan" },
        button("Zoom in", "zoomIn", () => scan.zoom(1.25), { keys: "Alt++" }),
        button("Zoom out", "zoomOut", () => scan.zoom(0.8), { keys: "Alt+-" }),
        button("Whole page", "fit", () => scan.fit(scan.fitted === "page" ? "width" : "page"), { keys: "Alt+0" }),
        button("Turn", "rotate", () => scan.turn(), { keys: "Alt+R" }),
        shapes,
        bar,
      ),
      scan.element,
    ),
    divider(),
    h(
      "section",
      { class: "text-pane scroller", "aria-label": "Text" },
      h("div", { class: "text-bar" }, count, h("label", { for: "below" }, "with words below "), threshold, button("Next unsure line", "down", () => unsureLine(1), { keys: "F8" })),
      h("div", { class: "kinds" }, h("label", { for: "kind" }, "Kind of region "), kind, h("label", { class: "check", for: "whole" }, whole, "whole region")),
      page.notes.length > 0 && h("p", { class: "note", role: "note" }, `The picture is ${page.notes.join(" and ")}.`),
      empty,
      lines.element,
    ),
  );
  place.append(
    h(
      "div",
      { class: "bar editor-bar" },
      h("p", { class: "crumbs" }, h("a", { href: `/d/${id}` }, item.name)),
      h("h1", { class: "aside", tabindex: -1 }, `Page ${number} of ${item.name}`),
      h("span", { class: "turner" }, previous, goto, h("span", { class: "hint" }, ` of ${total}`), next),
      state,
      status,
      h(
        "div",
        { class: "tools" },
        undo,
        redo,
        !readonly && button("Tags of this page", "lines", tag, { text: "Tags" }),
        button("Versions", "history", versions, { text: "Versions" }),
        button("Export", "save", () => editing.save().then(() => exportDialog([item], number)), { text: "Export" }),
        button("Keys", "help", () => keysDialog(KEYS), { keys: "Ctrl+/" }),
        !readonly && finish,
      ),
    ),
    panes,
  );

  // ---- drawing

  const grades = (line) => stateOf(line, below);
  const redraw = frame(() => strip.draw(editing.get(lines.current), scan.picture, editing.page, wordAtCaret()));
  const outlines = frame(() => scan.show(editing.lines, lines.current, grades));

  function draw(ids = null) {
    lines.show(editing.lines, below, ids);
    outlines();
    if (!ids || ids.includes(lines.current)) redraw();
    const open = editing.lines.filter((line) => unsure(line, below)).length;
    const told = editing.lines.length ? `${open} of ${plural(editing.lines.length, "line")}` : "no lines";
    if (count.textContent !== told) count.textContent = told;
    undo.disabled = !editing.done.length;
    redo.disabled = !editing.undone.length;
    if (!ids || ids.includes(lines.current)) tools();
    const kind = editing.page.state;
    state.className = `state ${kind}`;
    state.textContent = stateName(kind);
    finish.lastElementChild.textContent = finished() ? "Reopen" : "Done";
    empty.hidden = editing.lines.length > 0;
    empty.textContent = { waiting: "This page waits to be read.", reading: "This page is being read.", failed: "This page could not be read. Draw its lines with Alt+A." }[kind] ?? "No line was found here. Draw one with Alt+A.";
  }

  function tools() {
    const at = editing.lines.findIndex((line) => line.id === lines.current);
    for (const element of bar.querySelectorAll("[data-line]")) element.disabled = at < 0;
    const chosen = editing.lines[at]?.kind ?? "text";
    if (![...kind.options].some((option) => option.value === chosen)) kind.append(h("option", { value: chosen }, chosen));
    kind.value = chosen;
    kind.disabled = readonly || at < 0;
  }

  // The box of the word in which the caret is, where the line has places of words.
  function wordAtCaret() {
    const line = editing.get(lines.current);
    if (!line) return null;
    let at = 0;
    for (const word of line.words) {
      const found = line.text.indexOf(word.text, at);
      if (found < 0) continue;
      at = found + word.text.length;
      if (lines.caret() <= at) return word.box;
    }
    return null;
  }
  let box = null;
  const caret = () => {
    const now = wordAtCaret();
    if (now !== box) redraw();
    box = now;
  };
  document.addEventListener("selectionchange", caret);

  // ---- acting

  async function attempt(run, success = "") {
    try {
      const result = await run();
      if (success && result !== null) say(success);
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  function unsureLine(direction, { accept = false, where = null } = {}) {
    const all = editing.lines;
    const at = all.findIndex((line) => line.id === lines.current);
    if (accept && at >= 0 && !readonly) editing.accept(all[at].id);
    const rest = direction > 0 ? [...all.slice(at + 1), ...all.slice(0, at + 1)] : [...all.slice(0, Math.max(at, 0)).reverse(), ...all.slice(Math.max(at, 0)).reverse()];
    const found = rest.find((line) => unsure(editing.get(line.id), below) && line.id !== lines.current);
    if (found) lines.focus(found.id, where);
    else say("No line of this page is unsure any more.");
  }

  function line(by, where = null) {
    const at = editing.lines.findIndex((other) => other.id === lines.current);
    const target = editing.lines[at < 0 ? 0 : at + by];
    if (target) lines.focus(target.id, where);
    return target;
  }

  function step(which) {
    const id = editing[which]();
    if (id) lines.focus(id);
  }

  const turn = (to) => to >= 1 && to <= total && to !== number && go(`/d/${id}/${to}`);

  async function done() {
    await editing.save("done");
    if (editing.status === "saved") turn(number + 1) || say("This was the last page.");
  }

  function shape(on = !scan.editing) {
    if (readonly) return;
    scan.edit(on);
    shapes.setAttribute("aria-pressed", String(on));
    bar.hidden = !on;
    tools();
  }

  function drawLine() {
    shape(true);
    scan.draw(true);
    say("Click or drag along the line that is written there.");
    scan.element.focus({ preventScroll: true });
  }

  // Lines become a region, and its kind is chosen next.
  function region(ids, frame) {
    const first = editing.enclose(ids, frame);
    if (!first) {
      say("No line lies in it. Draw its lines first.");
      return;
    }
    lines.focus(first, "row");
    whole.checked = true;
    kind.focus();
    say(`${plural(ids.length, "line")} ${ids.length === 1 ? "is" : "are"} a region now. Choose its kind.`);
  }

  function drawRegion() {
    shape(true);
    scan.draw("region");
    say("Drag a box around the lines of the region.");
    scan.element.focus({ preventScroll: true });
  }

  // By keyboard: from the line where it was pressed first to the line where it is pressed again.
  let from = null;
  function enclose() {
    const at = (id) => editing.lines.findIndex((line) => line.id === id);
    if (at(from) < 0) {
      from = lines.current;
      say("The region begins here. Go to its last line and press Alt+B again.");
      return;
    }
    const [first, last] = [at(from), at(lines.current)].sort((a, b) => a - b);
    from = null;
    const chosen = editing.lines.slice(first, last + 1);
    const { left, top, right, bottom } = bounds(chosen.flatMap(outline));
    region(chosen.map((line) => line.id), rectangle([left, top], [right, bottom]));
  }

  function remove() {
    const at = editing.lines.findIndex((other) => other.id === lines.current);
    if (at < 0 || readonly) return;
    editing.remove(lines.current);
    const after = editing.lines[Math.min(at, editing.lines.length - 1)];
    if (after) lines.focus(after.id);
    say("The line was deleted.", { action: "Undo", run: () => step("undo") });
  }

  const tool = (label, name, run, options = {}) => button(label, name, run, { data: { line: "" }, ...options });
  bar.append(
    button("Draw a line", "add", drawLine, { text: "Draw", keys: "Alt+A" }),
    button("Draw a region: a box around its lines", "fit", drawRegion, { text: "Region" }),
    tool("Delete the line", "bin", remove, { text: "Delete", keys: "Alt+Del" }),
    tool("Earlier in reading order", "up", () => editing.reorder(lines.current, -1), { text: "Earlier", keys: "Alt+Shift+↑" }),
    tool("Later in reading order", "down", () => editing.reorder(lines.current, 1), { text: "Later", keys: "Alt+Shift+↓" }),
    tool("Region earlier in reading order", "up", () => editing.reorderRegion(lines.current, -1), { text: "Region earlier", keys: "Alt+Shift+PageUp" }),
    tool("Region later in reading order", "down", () => editing.reorderRegion(lines.current, 1), { text: "Region later", keys: "Alt+Shift+PageDown" }),
    ...[["left", -4, 0], ["right", 4, 0], ["up", 0, -4], ["down", 0, 4]].map(([name, dx, dy]) => tool(`Move the line ${name}`, name, () => scan.nudge(dx, dy))),
  );

  async function tag() {
    const own = item.pages.find((other) => other.number === number);
    const tags = await tagsDialog(`page ${number}`, `${path}/tags`, own?.tags ?? []);
    if (tags && own) own.tags = tags;
  }

  async function versions() {
    await editing.save();
    try {
      const revision = await versionsDialog(path, { readonly, number: lineNumber });
      if (revision === null) return;
      await editing.restore(revision);
      say("The page is as it was then. The versions since are kept.");
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  const lineNumber = (line) => editing.lines.findIndex((other) => other.id === line) + 1;

  // ---- keys

  const CONTROL = { KeyZ: () => step("undo"), KeyY: () => step("redo"), KeyS: () => editing.save(), Slash: () => keysDialog(KEYS), Enter: () => unsureLine(1, { accept: true }) };
  const ALT = {
    KeyS: () => readonly || split(),
    KeyJ: () => readonly || join(),
    KeyG: () => shape(),
    KeyA: () => readonly || drawLine(),
    KeyT: () => kind.focus(),
    KeyB: () => readonly || enclose(),
    KeyR: () => scan.turn(),
    Delete: remove,
    Equal: () => scan.zoom(1.25),
    NumpadAdd: () => scan.zoom(1.25),
    BracketRight: () => scan.zoom(1.25),
    Minus: () => scan.zoom(0.8),
    Slash: () => scan.zoom(0.8),
    NumpadSubtract: () => scan.zoom(0.8),
    Digit0: () => scan.fit("page"),
    PageDown: () => turn(number + 1),
    PageUp: () => turn(number - 1),
    ArrowDown: () => line(1),
    ArrowUp: () => line(-1),
  };
  const ALONE = {
    j: () => line(1, "row"),
    k: () => line(-1, "row"),
    ArrowDown: () => line(1, "row"),
    ArrowUp: () => line(-1, "row"),
    n: () => unsureLine(1, { where: "row" }),
    p: () => unsureLine(-1, { where: "row" }),
    u: () => step("undo"),
    Enter: () => lines.focus(lines.current),
  };

  function split() {
    const added = editing.split(lines.current, lines.caret());
    if (added) lines.focus(added, 0);
    else say("Put the caret where the line is to be split.");
  }

  function join() {
    const caret = editing.get(lines.current)?.text.length ?? 0;
    if (editing.join(lines.current)) lines.focus(lines.current, caret + 1);
  }

  function choose(key) {
    const other = lines.choice(Number(key));
    if (other === null || readonly) return false;
    editing.choose(lines.current, other);
    return true;
  }

  function action(event) {
    const { key, code, target } = event;
    const [control, alt, shift] = [event.ctrlKey || event.metaKey, event.altKey, event.shiftKey];
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1];
    if (key === "F8") return () => unsureLine(shift ? -1 : 1);
    if (key === "F1") return () => keysDialog(KEYS);
    if (control && alt) return null; // AltGr writes letters
    if (control && shift && key === "Enter") return done;
    if (control && shift && code === "KeyZ") return () => step("redo");
    if (control) return shift && code !== "Slash" ? null : key === "/" ? CONTROL.Slash : CONTROL[code];
    if (alt && shift && key === "PageUp") return () => readonly || editing.reorderRegion(lines.current, -1);
    if (alt && shift && key === "PageDown") return () => readonly || editing.reorderRegion(lines.current, 1);
    if (alt && shift && key === "ArrowUp") return () => editing.reorder(lines.current, -1);
    if (alt && shift && key === "ArrowDown") return () => editing.reorder(lines.current, 1);
    if (alt && digit) return () => choose(digit);
    if (alt) return { "+": () => scan.zoom(1.25), "-": () => scan.zoom(0.8) }[key] ?? ALT[code];
    if (target.matches("textarea")) return inField(event);
    if (target.matches(".lines > li")) return digit ? () => choose(digit) : ALONE[key];
    return null;
  }

  function inField({ key, target, isComposing, shiftKey }) {
    if (isComposing) return null;
    if (key === "Enter") return () => (readonly || editing.accept(lines.current), line(1) ?? say("This was the last line. Ctrl+Shift+Enter: the page is done."));
    if (key === "Escape") return () => lines.focus(lines.current, "row");
    if (shiftKey || target.selectionStart !== target.selectionEnd) return null;
    const one = target.clientHeight < 2 * parseFloat(getComputedStyle(target).lineHeight);
    if (key === "ArrowDown" && (one || target.selectionEnd === target.value.length)) return () => line(1);
    if (key === "ArrowUp" && (one || target.selectionStart === 0)) return () => line(-1);
    return null;
  }

  const onkey = (event) => {
    if (document.querySelector("dialog[open]")) return;
    const run = action(event);
    if (!run) return;
    event.preventDefault();
    run();
  };
  document.addEventListener("keydown", onkey);

  // ---- events

  editing.addEventListener("lines", (event) => draw(event.detail));
  editing.addEventListener("status", (event) => {
    status.textContent = STATUS[event.detail];
    status.className = `status ${event.detail}`;
    status.title = event.detail === "offline" ? editing.reason : "";
    if (event.detail !== "offline") return;
    if (editing.refused) say(`${editing.reason} Your changes are kept in this browser.`, { problem: true });
    else say(`${editing.reason} Your changes are kept in this browser and sent later.`);
  });
  editing.addEventListener("saved", () => draw([]));
  editing.addEventListener("merged", ({ detail }) => {
    if (editing.waiting.length) return; // the dialog says it
    if (!detail.clean) say(`${detail.user ?? "Somebody"} changed this page too; both changes are kept.`);
    else if (detail.page.user) say(`${detail.user} changed this page.`);
  });
  editing.addEventListener("conflict", async ({ detail }) => {
    if (place.querySelector("dialog[open]") || deciding) return;
    deciding = true;
    try {
      editing.decide(await conflictDialog(detail, lineNumber));
    } finally {
      deciding = false;
    }
  });
  let deciding = false;
  const hide = () => document.hidden && editing.dirty && (editing._keep(), editing.save());
  document.addEventListener("visibilitychange", hide);

  scan.open(page, path);
  draw();
  tools();
  const recovered = await editing.recover();
  if (recovered && editing.status !== "conflict") say("Changes that were not sent yet are back.");
  const first = editing.get(query.get("line") ?? "") ?? editing.lines.find((other) => unsure(other, below)) ?? editing.lines[0];
  requestAnimationFrame(() => {
    if (scan.fitted) scan.fit(scan.fitted);
    if (first && (matchMedia("(pointer: fine)").matches || query.has("line"))) lines.focus(first.id);
  });
  if (number < total) setTimeout(() => (new Image().src = `/documents/${id}/pages/${number + 1}/image?width=1280`), 1500);

  const stop = follow(`/documents/${id}`, {
    page: (event) => {
      const at = item.pages.findIndex((other) => other.number === event.number);
      if (at >= 0) item.pages[at] = event;
      if (event.number !== number || event.revision === editing.revision) return;
      (editing._saving ?? Promise.resolve()).then(() => editing.fetch()).then(() => draw()).catch(() => null);
    },
    document: (summary) => Object.assign(item, summary),
  });

  return async () => {
    stop();
    document.removeEventListener("keydown", onkey);
    document.removeEventListener("selectionchange", caret);
    document.removeEventListener("visibilitychange", hide);
    scan.close();
    await editing.close();
  };
}

// At most once a frame.
function frame(run) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      run();
    });
  };
}

// Between scan and text: drag it, or move it with the arrow keys.
function divider() {
  const element = h("div", { class: "divider", role: "separator", tabindex: 0, "aria-orientation": "vertical", "aria-label": "Width of the scan", "aria-valuemin": 20, "aria-valuemax": 80 });
  const set = (share) => {
    const value = Math.min(80, Math.max(20, share));
    element.setAttribute("aria-valuenow", Math.round(value));
    localStorage.setItem("inkread width", value);
    element.parentElement?.style.setProperty("--share", `${value}%`);
  };
  const kept = Number(localStorage.getItem("inkread width")) || 50;
  requestAnimationFrame(() => set(kept));
  element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (by) set(Number(element.getAttribute("aria-valuenow")) + by);
  });
  element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    const box = element.parentElement.getBoundingClientRect();
    set((100 * (event.clientX - box.left)) / box.width);
  });
  return element;
}
