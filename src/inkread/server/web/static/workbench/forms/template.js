// One form: its batches, filled sheets that are dropped, drift of its fields, new entries for its lists.

import { call, download, get } from "../api.js";
import { ask, action, rate, repeatedly, table, whole } from "../admin/parts.js";
import { shareDialog } from "../dialogs.js";
import { button, confirm, h, icon, plural, say, size, when } from "../dom.js";
import { dropping, post } from "../upload.js";
import { putList } from "./inspector.js";
import { progress, reading, titleOf, toKey } from "./parts.js";

const EVERY = 2000;

export async function show(place, { parts: [id], go }) {
  const path = `/forms/${id}`;
  const form = await get(path);
  const title = titleOf(form.template);
  const [owner, reader] = [form.role === "owner", form.role === "reader"];
  const fields = form.template.pages.flatMap((page) => page.fields ?? []);
  const sending = h("ul", { class: "uploads", "aria-label": "Uploads" });
  const batches = h("div", {});
  const more = h("div", {});
  const dropped = dropping(place, stage, { label: "Filled sheets" });
  document.title = `${title} · Inkread`;

  place.append(
    h("p", { class: "crumbs" }, h("a", { href: "/f" }, "Forms"), " / "),
    h(
      "div",
      { class: "bar" },
      h("h1", { tabindex: -1 }, title),
      h(
        "div",
        { class: "tools" },
        h("button", { type: "button", class: "with-icon", onclick: dropped.choose }, icon("add"), "Add filled sheets"),
        h("a", { class: "button", href: `${location.pathname}/edit` }, icon("lines"), reader ? "Fields" : "Edit fields"),
        button("Download the template", "save", () => attempt(() => download(`${path}/file`)), { text: "Download" }),
        owner && button("Share", "share", () => shareDialog({ id, name: title, owner: form.owner }, `${path}/shares`), { text: "Share" }),
        owner && button("Delete", "bin", remove, { text: "Delete" }),
      ),
    ),
    h("p", { class: "hint" }, [`Version ${form.version}`, plural(form.template.pages.length, "page"), plural(fields.length, "field"), owner ? null : `shared by ${form.owner}`].filter(Boolean).join(" · ")),
    dropped.element,
    sending,
    h("h2", {}, "Batches"),
    batches,
    more,
  );

  async function attempt(run) {
    try {
      await run();
    } catch (error) {
      say(error.message, { problem: true });
    }
  }

  async function remove() {
    const text = "The form, its batches, sheets and all that was read and keyed are deleted from the server for everybody. This cannot be undone.";
    if (!(await confirm(`Delete ${title}?`, text, "Delete"))) return;
    await attempt(async () => {
      await call(path, { method: "DELETE" });
      go("/f");
    });
  }

  async function stage(files) {
    const ordered = [...files].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    await ask(
      "Read filled sheets",
      `${plural(files.length, "file")}, ${size(bytes)}`,
      [
        { name: "name", label: "Name of the batch", value: files.length > 1 ? title : files[0].name.replace(/\.[^.]+$/, ""), maxlength: 200, required: true },
        { name: "double", label: "Two people key each unsure field", type: "checkbox" },
      ],
      "Upload and read",
      ({ elements }) => {
        send(ordered, elements.name.value.trim(), elements.double.checked);
        return true;
      },
    );
  }

  async function send(files, name, double) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
    const item = h("li", {}, h("span", {}, name), bar);
    sending.append(item);
    await attempt(async () => {
      await post(path, { files, name, double: double ? "true" : "" }, (share) => (bar.value = share));
      await load();
    });
    item.remove();
  }

  let before = "";
  async function load() {
    const found = (await get(`${path}/batches`)).batches;
    const now = JSON.stringify(found);
    if (now === before) return found; // the focus stays where it is
    before = now;
    const focused = batches.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    batches.replaceChildren(
      table(
        "Batches",
        [
          ["Batch", (batch) => h("a", { href: `/f/b/${batch.id}` }, batch.name)],
          ["State", (batch) => h("span", { class: "progress-cell" }, progress(batch))],
          ["Forms", (batch) => whole(batch.forms), "number"],
          ["To key", (batch) => queued(batch), "number"],
          ["Expected error", (batch) => rate(batch.expected_error), "number"],
          ["Added", (batch) => when(batch.created)],
        ],
        found,
        { empty: "Drop filled sheets here: images, TIFFs or PDFs, in any position." },
      ),
    );
    if (focused) batches.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    return found;
  }

  function queued(batch) {
    const left = toKey(batch);
    return left && batch.role !== "reader" ? h("a", { href: `/f/queue?batch=${batch.id}`, "aria-label": `Key ${left} fields of ${batch.name}` }, whole(left)) : whole(left);
  }

  let found = await load();
  await Promise.all([drift(), suggestions()]);
  const stop = repeatedly(async () => {
    if (found.some(reading)) {
      found = await load();
      if (!found.some(reading)) await drift();
    } else found = await load();
  }, EVERY);

  // Fields that are suddenly empty or unsure.
  async function drift() {
    const { drift: rows } = await get(path);
    const element = more.querySelector("#drift") ?? more.appendChild(h("section", { id: "drift", "aria-labelledby": "drift-title" }));
    if (!rows.length) return element.replaceChildren();
    const changed = (now, past) => (past === null || past === undefined ? rate(now) : `${rate(now)} (${rate(past)})`);
    element.replaceChildren(
      h("h2", { id: "drift-title" }, "Drift of fields"),
      h("p", { class: "hint" }, "Shares of the last 50 forms, and of all before in brackets."),
      table(
        "Drift of fields",
        [
          ["Field", (row) => [row.field, " ", row.drift > 0 && h("span", { class: "badge drifted" }, "changed")].filter(Boolean)],
          ["Forms", (row) => whole(row.forms), "number"],
          ["Empty", (row) => changed(row.empty, row.empty_before), "number"],
          ["Unsure", (row) => changed(row.unsure, row.unsure_before), "number"],
        ],
        [...rows].sort((a, b) => b.drift - a.drift),
      ),
    );
  }

  // Values that were keyed and are not in the list of their field.
  async function suggestions() {
    if (reader || !form.lists.length) return;
    const element = more.insertBefore(h("section", { "aria-labelledby": "new-entries" }), more.firstChild);
    const offered = await Promise.all(form.lists.map(async ({ name }) => [name, (await get(`${path}/lists/${encodeURIComponent(name)}/suggestions`)).suggestions]));
    const some = offered.filter(([, values]) => values.length);
    if (!some.length) return element.remove();
    const add = (name, values) =>
      attempt(async () => {
        const list = await (await call(`${path}/lists/${encodeURIComponent(name)}`)).text();
        await putList(path, name, `${list.trimEnd()}\n${values.map((value) => value.value).join("\n")}\n`);
        say(`${plural(values.length, "value")} added to ${name}.`);
        element.remove();
        await suggestions();
      });
    element.replaceChildren(
      h("h2", { id: "new-entries" }, "Keyed values that are in no list"),
      ...some.map(([name, values]) => h("p", {}, `${name}: ${values.map((value) => `${value.value} (${value.count})`).join(", ")} `, action("Add", `these values to ${name}`, () => add(name, values)))),
    );
  }

  return () => {
    stop();
    dropped.close();
  };
}
