// Dialogs of documents and pages: export, share, rename, versions, conflicts, keys.

import { call, download, get, send } from "./api.js";
import { button, dialog, h, plural, say, when } from "./dom.js";
import { difference } from "./merge.js";

const FORMATS = [
  ["page", "PAGE XML", "Transkribus, eScriptorium, OCR-D"],
  ["alto", "ALTO XML", "libraries, eScriptorium"],
  ["pdf", "PDF", "the scan with searchable text"],
  ["txt", "Text", "one text line a line"],
  ["csv", "CSV", "tables for a spreadsheet"],
  ["hocr", "hOCR", "HTML with places"],
  ["json", "JSON", "everything, with confidences"],
];

// `items` are documents; with `page` (a number) the page alone, with `tag` only their pages with that tag. Of a single
// document a person chooses pages; `numbers` are those to begin with.
export function exportDialog(items, page = null, tag = "", numbers = []) {
  const whole = page ? `page ${page} of ${items[0].name}` : items.length === 1 ? items[0].name : plural(items.length, "document");
  const what = tag ? `pages of ${whole} with the tag ${tag}` : whole;
  const [{ id }] = items;
  const single = items.length === 1 && !tag && !page;
  const pages = h("input", { id: "export-pages", value: ranges(numbers), placeholder: "all, or such as 1-20, 25", maxlength: 20000 });
  const choice = single && h("div", { class: "stack" }, h("label", { for: "export-pages" }, "Pages"), pages);
  return formatDialog(`Export ${what}`, FORMATS, "Corrected text is taken where there is one. Several files come as one zip.", take, choice);

  function take(format) {
    if (page) return download(`/documents/${id}/pages/${page}/result?format=${format}`);
    if (single) return download(`/documents/${id}/result?${new URLSearchParams({ format, pages: pages.value.replace(/\s/g, "") })}`);
    return download("/documents/export", { method: "POST", json: { documents: items.map((item) => item.id), format, tag: tag || null } });
  }
}

// ranges([1, 2, 3, 7]) is "1-3, 7".
export function ranges(numbers) {
  const parts = [];
  for (const number of numbers) {
    if (parts.at(-1)?.[1] === number - 1) parts.at(-1)[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}

// Choose one of the formats, [key, name, purpose], with `choice` above them; `take(key)` fetches it.
export function formatDialog(title, formats, hint, take, choice = null) {
  return dialog(title, (close) => {
    const note = h("p", { class: "hint", role: "status" }, hint);
    const attempt = async (format, pressed) => {
      pressed.disabled = true;
      note.className = "hint";
      note.textContent = "Being written …";
      try {
        await take(format);
        close();
      } catch (error) {
        note.textContent = error.message;
        note.className = "problem";
        pressed.disabled = false;
      }
    };
    return [
      choice,
      h(
        "div",
        { class: "formats" },
        ...formats.map(([format, name, purpose]) =>
          h("button", { type: "button", class: "plain", onclick: (event) => attempt(format, event.currentTarget) }, h("b", {}, name), h("small", {}, purpose)),
        ),
      ),
      note,
    ];
  });
}

const ROLES = { reader: "reads and exports", corrector: "corrects as well", owner: "shares and deletes as well" };

export function shareDialog(item, path = `/documents/${item.id}/shares`) {
  return dialog(`Share ${item.name}`, () => {
    const list = h("ul", { class: "shares" });
    const note = h("p", { role: "status" });
    const role = (value, id, change = null) => {
      const select = h("select", { id, "aria-label": id ? null : "Role", onchange: change });
      select.append(...Object.entries(ROLES).map(([name, what]) => h("option", { value: name }, `${name}: ${what}`)));
      select.value = value;
      return select;
    };
    const attempt = async (run) => {
      note.textContent = "";
      note.className = "";
      try {
        await run();
      } catch (error) {
        note.textContent = error.message;
        note.className = "problem";
      }
      await load();
    };
    const load = async () => {
      const { shares } = await get(path);
      list.replaceChildren(
        ...shares.map((share) =>
          h(
            "li",
            {},
            h("span", {}, share.user),
            share.user === item.owner
              ? h("span", { class: "hint" }, "owner")
              : [
                  role(share.role, null, (event) => attempt(() => send("PUT", `${path}/${encodeURIComponent(share.user)}`, { role: event.target.value }))),
                  button(`Stop sharing with ${share.user}`, "close", () => attempt(() => call(`${path}/${encodeURIComponent(share.user)}`, { method: "DELETE" }))),
                ],
          ),
        ),
      );
    };
    const name = h("input", { id: "share-user", required: true, maxlength: 64, autocomplete: "off", autofocus: true });
    const given = role("corrector", "share-role");
    const form = h("form", { class: "row" }, h("div", { class: "stack" }, h("label", { for: "share-user" }, "User name"), name), h("div", { class: "stack" }, h("label", { for: "share-role" }, "Role"), given), h("button", { type: "submit" }, "Share"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const user = name.value.trim();
      await attempt(async () => {
        await send("PUT", `${path}/${encodeURIComponent(user)}`, { role: given.value });
        name.value = "";
        note.textContent = `${user} sees ${item.name} now.`;
      });
    });
    load().catch((error) => ((note.textContent = error.message), (note.className = "problem")));
    return [form, note, list];
  });
}

export function nameDialog(item) {
  return dialog("Rename", (close) => {
    const name = h("input", { id: "rename", value: item.name, required: true, maxlength: 200 });
    const collection = h("input", { id: "collection", value: item.collection ?? "", maxlength: 200 });
    const form = h("form", { class: "stack" }, h("label", { for: "rename" }, "Name"), name, h("label", { for: "collection" }, "Collection"), collection, h("p", { class: "actions" }, h("button", { type: "submit" }, "Save")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        close(await send("PATCH", `/documents/${item.id}`, { name: name.value.trim(), collection: collection.value.trim() }));
      } catch (error) {
        say(error.message, { problem: true });
      }
    });
    return form;
  });
}

// Tags of a document or page, as [tag, …]; gives the new ones, or null.
export function tagsDialog(what, path, tags) {
  return dialog(`Tags of ${what}`, (close) => {
    const field = h("input", { id: "tags", value: tags.join(", "), maxlength: 1000, autofocus: true, "aria-describedby": "tags-hint" });
    const hint = h("p", { class: "hint", id: "tags-hint" }, "Separated by commas. Pages tagged “personal” are left out when corrections are exported for training.");
    const form = h("form", { class: "stack" }, h("label", { for: "tags" }, "Tags"), field, hint, h("p", { class: "actions" }, h("button", { type: "submit" }, "Save")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const given = field.value.split(",").map((tag) => tag.trim()).filter(Boolean);
        close((await send("PUT", path, { tags: given })).tags);
      } catch (error) {
        say(error.message, { problem: true });
      }
    });
    return form;
  });
}

export const tagList = (tags) => tags.map((tag) => h("span", { class: "tag" }, tag));

export function diffed(before, after) {
  const tags = { same: "span", out: "del", in: "ins" };
  return difference(before ?? "", after ?? "").flatMap(([kind, word]) => [h(tags[kind], {}, word), " "]);
}

const ACTIONS = { read: "read by the model", corrected: "corrected", restored: "went back" };

const TOGETHER = 300_000; // milliseconds between saves that are shown together

// All versions of a page; gives the revision to go back to, or null.
export async function versionsDialog(path, { readonly, number }) {
  const { versions } = await get(`${path}/versions`);
  const shown = grouped([...versions].sort((a, b) => a.revision - b.revision)).reverse();
  return dialog(
    "Versions of this page",
    (close) => {
      const entry = (version, present) =>
        h(
          "li",
          {},
          h(
            "div",
            { class: "bar" },
            h("b", {}, when(version.time)),
            h("span", {}, [version.user, ACTIONS[version.action] ?? version.action].filter(Boolean).join(", ")),
            present ? h("span", { class: "hint" }, "the present one") : !readonly && h("button", { type: "button", class: "plain", onclick: () => close(version.revision) }, "Go back to this"),
          ),
          changes(version, number),
          version.saves?.length > 1 && h("details", {}, h("summary", {}, plural(version.saves.length, "save")), h("ol", { class: "versions" }, ...version.saves.map((save, at) => entry(save, present && !at)))),
        );
      return h("ol", { class: "versions" }, ...shown.map((version, at) => entry(version, !at)));
    },
    { wide: true },
  );
}

// Saves of one person that follow each other closely are one entry, with what they changed together.
function grouped(versions) {
  const groups = [];
  for (const version of versions) {
    const last = groups.at(-1);
    const close = last && last.action === "corrected" && version.action === "corrected" && last.user === version.user && new Date(version.time) - new Date(last.time) < TOGETHER;
    if (!close) {
      groups.push({ ...version, saves: [version] });
      continue;
    }
    const lines = new Map(last.changes.map((change) => [change.line, change]));
    for (const change of version.changes) lines.set(change.line, { ...change, before: lines.has(change.line) ? lines.get(change.line).before : change.before });
    groups[groups.length - 1] = { ...version, changes: [...lines.values()], saves: [version, ...last.saves] };
  }
  return groups;
}

function changes(version, number) {
  if (!version.changes.length) return version.action !== "read" && h("p", { class: "hint" }, "No text changed: places, order or kinds of lines, or the state of the page.");
  const items = version.changes.map((change) =>
    h("li", {}, h("span", { class: "hint" }, number(change.line) ? `Line ${number(change.line)} ` : "Line "), ...(change.before === change.after ? [h("span", { class: "hint" }, "text accepted, or place changed")] : diffed(change.before, change.after))),
  );
  const list = h("ul", { class: "changes" }, ...items);
  return items.length > 6 ? h("details", {}, h("summary", {}, plural(items.length, "changed line")), list) : list;
}

// Both changed the same line: gives {id: text}. It asks until each line is decided.
export async function conflictDialog({ conflicts, user, time }, number) {
  let decided = null;
  while (!decided) {
    decided = await dialog(
      "Somebody changed the same lines",
      (close) => {
        const form = h(
          "form",
          { class: "stack" },
          h("p", {}, `${user ?? "Another tab"} saved this page${time ? ` at ${when(time)}` : ""} while you worked on it. Everything else is merged. Choose the text of ${plural(conflicts.length, "line")}:`),
          ...conflicts.map(({ id, base, mine, theirs }) => {
            const option = (label, value, checked) => {
              const input = h("input", { type: "radio", name: id, value, required: true });
              input.checked = checked;
              return h("label", { class: "option" }, input, h("span", { class: "hint" }, label), h("span", { class: "text" }, ...diffed(base?.text ?? "", value)));
            };
            const own = h("input", { type: "text", value: mine.text, "aria-label": "Another text" });
            const other = h("input", { type: "radio", name: id, value: "", "aria-label": "Another text" });
            own.addEventListener("input", () => ((other.checked = true), (other.value = own.value)));
            other.addEventListener("change", () => (other.value = own.value));
            return h("fieldset", {}, h("legend", {}, number(id) ? `Line ${number(id)}` : "Line"), option("yours", mine.text, true), option(user ?? "theirs", theirs.text, false), h("div", { class: "option" }, other, h("span", { class: "hint" }, "other"), own));
          }),
          h("p", { class: "actions" }, h("button", { type: "submit" }, "Save these lines")),
        );
        form.addEventListener("submit", (event) => {
          event.preventDefault();
          const given = new FormData(form);
          close(Object.fromEntries(conflicts.map(({ id }) => [id, given.get(id)])));
        });
        return form;
      },
      { wide: true },
    );
  }
  return decided;
}

export function keysDialog(keys) {
  return dialog(
    "Keys",
    () =>
      keys.map(([title, rows]) =>
        h("section", {}, h("h3", {}, title), h("dl", { class: "keys" }, ...rows.map(([key, what]) => h("div", {}, h("dt", {}, ...key.split(" / ").flatMap((part, at) => [at ? " or " : "", h("kbd", {}, part)])), h("dd", {}, what))))),
      ),
    { wide: true },
  );
}
