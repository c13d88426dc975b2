// The empty form with its fields on top: draw, move, resize, name and type them; rules; save as a new version.

import { call, get, user } from "../api.js";
import { keysDialog } from "../dialogs.js";
import { button, confirm, debounce, h, say } from "../dom.js";
import { BoxScan, sizeOf } from "./boxes.js";
import { inspect } from "./inspector.js";
import { Model, TYPES } from "./model.js";
import { rulesOf } from "./rules.js";

const KEYS = [
  [
    "Fields",
    [
      ["Alt+A", "Draw a field: drag, or click two corners"],
      ["Alt+N", "A new field in the middle of the view, without a mouse"],
      ["Alt+↓ / Alt+↑", "Next, previous field"],
      ["Alt+T", "Type of the field"],
      ["Alt+Del", "Delete the field, column or tick box"],
      ["Ctrl+Z / Ctrl+Shift+Z", "Undo, redo"],
      ["Ctrl+S", "Save as a new version"],
      ["Ctrl+/ / F1", "These keys"],
    ],
  ],
  [
    "Sheet",
    [
      ["Arrows", "Move the field by 2 pixels, with Shift by 10; with Ctrl its lower right corner"],
      ["Tab to a corner, arrows", "Move the corner"],
      ["Alt++ / Alt+- / Alt+0", "Zoom in, out, whole page"],
      ["Alt+PageDown / Alt+PageUp", "Next, previous page"],
    ],
  ],
];
const NEW = [300, 60]; // pixels of a field that is added by key

export async function show(place, { parts: [id], go }) {
  const path = `/forms/${id}`;
  const draft = `form:${user}:${id}`;
  const answer = await call(path);
  let etag = answer.headers.get("ETag");
  let form = await answer.json();
  let page = 0;
  let current = null;
  let saved = JSON.stringify(form.template);
  const readonly = form.role === "reader";
  const model = new Model(structuredClone(form.template), changed);
  const unsaved = JSON.parse(localStorage.getItem(draft) ?? "null");

  const scan = new BoxScan({
    pick: (picked) => select(picked),
    place: (picked, box) => model.place(page, picked, box),
    add: (box) => added(model.add(page, box)),
    remove: () => remove(),
    picture: () => null,
  });
  const status = h("span", { class: "status", role: "status" });
  const turner = h("span", { class: "turner" });
  const save = button("Save as a new version", "check", keep, { text: "Save", keys: "Ctrl+S" });
  const undo = button("Undo", "undo", () => model.undo(), { keys: "Ctrl+Z" });
  const redo = button("Redo", "redo", () => model.redo(), { keys: "Ctrl+Shift+Z" });
  const drawing = button("Draw a field", "add", () => scan.draw(!scan.drawing), { text: "Draw a field", keys: "Alt+A" });
  const inspector = h("section", { class: "inspector", "aria-label": "The chosen field" });
  const list = h("ol", { class: "field-list", "aria-label": "Fields" });
  const rules = h("section", { "aria-label": "Rules" });
  const about = details();
  const heading = h("h1", { tabindex: -1, class: "aside" }, `Fields of ${form.template.title || form.template.name}`);

  place.append(
    heading,
    h(
      "div",
      { class: "bar editor-bar" },
      h("p", { class: "crumbs" }, h("a", { href: "/f" }, "Forms"), " / ", h("a", { href: `/f/t/${id}` }, form.template.title || form.template.name)),
      turner,
      status,
      h("div", { class: "tools" }, undo, redo, button("Keys", "help", () => keysDialog(KEYS), { keys: "Ctrl+/" }), !readonly && save),
    ),
    h(
      "div",
      { class: "panes form-panes" },
      h(
        "div",
        { class: "scan-pane" },
        h("div", { class: "scan-bar" }, !readonly && drawing, button("Zoom in", "zoomIn", () => scan.zoom(1.25), { keys: "Alt++" }), button("Zoom out", "zoomOut", () => scan.zoom(0.8), { keys: "Alt+-" }), button("Whole page", "fit", () => scan.fit("page"), { keys: "Alt+0" })),
        scan.element,
      ),
      h("div", { class: "text-pane form-pane", tabindex: 0, role: "region", "aria-label": "Fields and rules" }, inspector, h("h2", {}, "Fields"), list, rules, about),
    ),
  );

  function details() {
    const input = (name, label, more) => {
      const control = h("input", { id: `form-${name}`, value: model.template[name] ?? "", disabled: readonly, ...more });
      control.addEventListener("input", () => control.checkValidity() && model.step((template) => (template[name] = control.value), name));
      return h("div", { class: "stack" }, h("label", { for: `form-${name}` }, label), control);
    };
    return h(
      "details",
      {},
      h("summary", {}, "About the form"),
      h("div", { class: "stack" }, input("title", "Title", { maxlength: 200 }), input("version", "Version of the print", { maxlength: 60 })),
    );
  }

  function shapes() {
    return model.fields(page).flatMap((field, at) => {
      const own = { id: String(at), box: field.box, name: field.name, movable: !readonly, grade: "field" };
      if (field.columns) {
        const [x, y, width, height] = field.box;
        const lines = Array.from({ length: (field.rows ?? 1) - 1 }, (_, row) => y + ((row + 1) * height) / field.rows).map((level) => [x, level, x + width, level]);
        return [{ ...own, resizable: true, ruling: lines }, ...field.columns.map((column, part) => ({ id: `${at}.${part}`, box: column.box, name: "", movable: !readonly, resizable: true, grade: "part" }))];
      }
      if (field.options) return [own, ...Object.values(field.options).map((box, part) => ({ id: `${at}.${part}`, box, name: "", movable: !readonly, resizable: true, grade: "part" }))];
      const [x, y, width, height] = field.box;
      const cells = Array.from({ length: (field.comb ?? 1) - 1 }, (_, cell) => x + ((cell + 1) * width) / field.comb).map((left) => [left, y, left, y + height]);
      return [{ ...own, resizable: true, ruling: cells }];
    });
  }

  async function turn(to) {
    const wanted = Math.max(0, Math.min(to, model.template.pages.length - 1));
    const size = await sizeOf(`${path}/pages/${wanted + 1}/image`);
    [page, current] = [wanted, null];
    scan.open({ number: page + 1, ...size }, `${path}/pages/${page + 1}`);
    scan.edit(!readonly);
    draw(true);
  }

  function draw(inspecting) {
    scan.show(shapes(), current);
    const count = model.template.pages.length;
    heading.textContent = `Fields of ${model.template.title || model.template.name}`;
    document.title = `${model.template.title || model.template.name} · Inkread`;
    turner.replaceChildren(
      ...(count > 1 ? [button("Previous page", "back", () => turn(page - 1), { keys: "Alt+PageUp" }), h("span", {}, `Page ${page + 1} of ${count}`), button("Next page", "next", () => turn(page + 1), { keys: "Alt+PageDown" })] : []),
    );
    list.replaceChildren(
      ...model.fields(page).map((field, at) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "field-item", "aria-current": String(at) === String(current).split(".")[0] ? "true" : null, data: { id: String(at) }, onclick: () => select(String(at)) },
            h("b", {}, field.name),
            h("span", { class: "hint" }, [TYPES[field.type], field.label].filter(Boolean).join(" · ")),
          ),
        ),
      ),
    );
    if (!model.fields(page).length) list.append(h("li", { class: "hint" }, "This page has no field yet. Press Alt+A to draw one."));
    if (inspecting) inspector.replaceChildren(...inspect({ model, page, id: current, path, form, readonly, listed, select, remove }));
    rules.replaceChildren(...rulesOf({ model, path, readonly, listed }));
    undo.disabled = !model.past.length;
    redo.disabled = !model.future.length;
    const dirty = JSON.stringify(model.template) !== saved;
    save.disabled = !dirty && form.state === "ready";
    status.textContent = readonly ? `${form.owner} shares it` : dirty ? "Not saved" : form.state === "ready" ? `Version ${form.version}` : "Proposed";
    return dirty;
  }

  // What is typed stays in its field while the rest is drawn again.
  function changed() {
    if (current !== null && !model.get(page, current)) current = null;
    const typing = inspector.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), textarea");
    if (draw(!typing)) remember();
    else localStorage.removeItem(draft);
  }
  const remember = debounce(() => {
    if (JSON.stringify(model.template) !== saved) localStorage.setItem(draft, JSON.stringify({ etag, template: model.template }));
  }, 200);

  function select(chosen, focus = false) {
    current = chosen;
    draw(true);
    scan.select(chosen);
    inspector.parentElement.scrollTop = 0;
    if (focus) inspector.querySelector("input")?.select();
  }

  function added(chosen) {
    select(chosen, true);
  }

  function remove() {
    if (current === null || readonly) return;
    const [at] = current.split(".");
    model.remove(page, current);
    const last = model.fields(page).length - 1;
    select(last < 0 ? null : String(Math.min(Number(at), last)));
    scan.element.focus();
  }

  function step(by) {
    const count = model.fields(page).length;
    if (!count) return;
    const at = current === null ? (by > 0 ? -1 : 0) : Number(current.split(".")[0]);
    select(String((at + by + count) % count));
  }

  async function keep() {
    if (readonly) return;
    status.textContent = "Saving …";
    try {
      const answer = await call(path, { method: "PUT", json: model.content, headers: { "If-Match": etag } });
      etag = answer.headers.get("ETag");
      form = await answer.json();
      saved = JSON.stringify(model.template);
      localStorage.removeItem(draft);
      draw(false);
      say(`Version ${form.version} is saved.`, { action: "Drop filled sheets", run: () => go(`/f/t/${id}`) });
    } catch (error) {
      draw(false);
      if (error.status === 412) return overtaken();
      say(error.message, { problem: true });
    }
  }

  // A list became a version of its own. Where another one came between, saving asks.
  async function listed(answer) {
    const now = await answer.json();
    if (now.version === form.version + 1) {
      etag = answer.headers.get("ETag");
      form = now;
    }
  }

  async function overtaken() {
    const text = "Somebody saved another version of this form while you changed it. Save yours as a newer version? Theirs stays among the versions.";
    if (!(await confirm("There is a newer version", text, "Save mine"))) return;
    etag = (await call(path)).headers.get("ETag");
    await keep();
  }

  function keys(event) {
    if (document.querySelector("dialog[open]")) return;
    const control = event.ctrlKey || event.metaKey;
    const typing = event.target.matches?.("input:not([type=checkbox]), textarea");
    const name = `${control ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${event.shiftKey ? "Shift+" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
    const acts = {
      "Alt+a": () => !readonly && scan.draw(!scan.drawing),
      "Alt+n": () => !readonly && added(model.add(page, scan.middle(...NEW))),
      "Alt+ArrowDown": () => step(1),
      "Alt+ArrowUp": () => step(-1),
      "Alt+t": () => inspector.querySelector("select")?.focus(),
      "Alt+Delete": remove,
      "Ctrl+s": keep,
      "Ctrl+/": () => keysDialog(KEYS),
      F1: () => keysDialog(KEYS),
      "Alt++": () => scan.zoom(1.25),
      "Alt+=": () => scan.zoom(1.25),
      "Alt+-": () => scan.zoom(0.8),
      "Alt+0": () => scan.fit("page"),
      "Alt+PageDown": () => turn(page + 1),
      "Alt+PageUp": () => turn(page - 1),
      ...(typing ? {} : { "Ctrl+z": () => model.undo(), "Ctrl+Shift+z": () => model.redo(), "Ctrl+y": () => model.redo() }),
    };
    if (!acts[name]) return;
    event.preventDefault();
    acts[name]();
  }

  document.addEventListener("keydown", keys);
  if (unsaved && JSON.stringify(unsaved.template) !== saved && !readonly) {
    etag = unsaved.etag;
    model.template = unsaved.template;
    const discard = () => {
      localStorage.removeItem(draft);
      model.template = JSON.parse(saved);
      turn(page);
    };
    say("Changes that were not saved are back.", { action: "Discard them", run: discard });
  }
  await turn(0);
  return () => {
    document.removeEventListener("keydown", keys);
    if (JSON.stringify(model.template) !== saved) localStorage.setItem(draft, JSON.stringify({ etag, template: model.template }));
    scan.close();
  };
}
