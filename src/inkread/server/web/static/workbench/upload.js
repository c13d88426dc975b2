// Uploads: drop or choose files, say what they become, and watch them go.

import { call, problem, Problem, logInAgain } from "./api.js";
import { button, dialog, h, plural, say, size } from "./dom.js";

const ACCEPTED = ".png,.jpg,.jpeg,.webp,.tif,.tiff,.pdf,image/*,application/pdf";
const WHOLE = /\.(pdf|tiff?)$/i; // files that are documents by themselves
const HEAD = 1024; // bytes that tell the kind of a file
const SHOWN = 20;

// Files that are dropped on the page or chosen: `element` for the page, choose() to open it, close() at the end.
// Those that cannot be read are named and left out; names like `unchecked` are taken as they are.
export function dropping(place, stage, { label = "Files", accept = ACCEPTED, multiple = true, unchecked = null } = {}) {
  const take = async (given) => {
    const files = multiple ? given : given.slice(0, 1);
    input.value = "";
    const problems = await refusals(files.filter((file) => !unchecked?.test(file.name)));
    const names = [...problems.values()];
    refused.replaceChildren(...names.slice(0, SHOWN).map(refusal), ...(names.length > SHOWN ? [refusal(`${plural(names.length - SHOWN, "more file")} cannot be read either.`)] : []));
    const read = files.filter((file) => !problems.has(file));
    if (read.length) stage(read);
  };
  const refusal = (text) => {
    const row = h("li", {}, h("span", { class: "problem", role: "alert" }, text), button("Close", "close", () => row.remove(), { text: "Close" }));
    return row;
  };
  const refused = h("ul", { class: "uploads", "aria-label": "Files that cannot be read" });
  const input = h("input", { type: "file", multiple, accept, hidden: true, "aria-label": label, onchange: () => take([...input.files]) });
  const over = (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    place.classList.toggle("over", event.type !== "dragleave" && event.type !== "drop");
    if (event.type === "drop") take([...event.dataTransfer.files]);
  };
  const names = ["dragenter", "dragover", "dragleave", "drop"];
  for (const name of names) document.addEventListener(name, over);
  const close = () => {
    for (const name of names) document.removeEventListener(name, over);
  };
  return { element: h("div", {}, input, refused), choose: () => input.click(), close };
}

// The files that cannot be read, each with a sentence, by what they begin with; nothing else is sent.
async function refusals(files) {
  if (!files.length) return new Map();
  const body = new FormData();
  for (const file of files) body.append("file", file.slice(0, HEAD), file.name);
  const { refused } = await call("/documents/check", { method: "POST", body })
    .then((answer) => answer.json())
    .catch(() => ({ refused: [] })); // the upload will say so
  return new Map(refused.map(({ file, detail }) => [files[file], `${detail}.`]));
}

export function uploads(place, { collections, uploaded }) {
  const dropped = dropping(place, stage);
  const list = h("ul", { class: "uploads", "aria-label": "Uploads" });
  const element = h("div", {}, dropped.element, list);
  const queue = [];
  let running = 0;

  async function stage(files) {
    const asked = await dialog("Add scans", (close) => form(files, collections(), close));
    if (!asked) return;
    for (const group of asked.groups) {
      const item = row(group);
      list.append(item.element);
      queue.push({ ...group, collection: asked.collection, item });
    }
    next();
  }

  function next() {
    while (running < 2 && queue.length) {
      running++;
      const job = queue.shift();
      const { files, name, collection, item } = job;
      post("/documents", { files, name, collection }, item.sent)
        .then(() => {
          job.item.element.remove();
          uploaded();
        })
        .catch((error) => job.item.failed(error.message, () => (queue.push(job), next())))
        .finally(() => {
          running--;
          next();
        });
    }
  }

  return {
    element,
    choose: dropped.choose,
    close: () => {
      dropped.close();
      if (running || queue.length) say("The uploads go on; keep this tab open.");
    },
  };
}

// What the files become: one document of all pictures, or a document a file.
function form(files, collections, close) {
  const pictures = files.filter((file) => !WHOLE.test(file.name));
  const several = pictures.length > 1;
  const name = h("input", { id: "new-name", value: stem(files[0].name), maxlength: 200 });
  const collection = h("input", { id: "new-collection", list: "collections", maxlength: 200 });
  const together = h("input", { type: "checkbox", id: "together" });
  together.checked = several;
  const single = () => files.length === 1 || (together.checked && pictures.length === files.length);
  const named = h("div", { class: "stack" }, h("label", { for: "new-name" }, "Name"), name);
  const change = () => (named.hidden = !single() && !together.checked);
  together.addEventListener("change", change);
  change();
  const element = h(
    "form",
    { class: "stack" },
    h("p", { class: "hint" }, `${plural(files.length, "file")}, ${size(files.reduce((sum, file) => sum + file.size, 0))}`),
    h("ul", { class: "files" }, ...files.slice(0, 8).map((file) => h("li", {}, file.name)), files.length > 8 && h("li", {}, `and ${files.length - 8} more`)),
    several && h("label", { class: "check", for: "together" }, together, `${plural(pictures.length, "picture")} are the pages of one document`),
    named,
    h("label", { for: "new-collection" }, "Collection (may be empty)"),
    collection,
    h("datalist", { id: "collections" }, ...collections.map((item) => h("option", { value: item }))),
    h("p", { class: "actions" }, h("button", { type: "submit" }, "Upload and read")),
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const one = several && together.checked;
    const groups = files.filter((file) => !one || !pictures.includes(file)).map((file) => ({ files: [file], name: files.length === 1 ? name.value : stem(file.name) }));
    if (one) groups.unshift({ files: pictures.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })), name: name.value });
    close({ groups, collection: collection.value.trim() });
  });
  return element;
}

const stem = (name) => name.replace(/\.[^.]+$/, "");

function row(group) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${group.name}` });
  const note = h("span", { class: "hint" }, "waiting");
  const element = h("li", {}, h("span", {}, group.name), bar, note);
  return {
    element,
    sent(share) {
      bar.value = share;
      note.textContent = share < 1 ? `${Math.round(100 * share)} %` : "being checked";
    },
    failed(message, again) {
      note.textContent = message;
      note.className = "problem";
      note.setAttribute("role", "alert");
      bar.replaceWith(
        button("Try again", "rotate", (event) => (event.currentTarget.replaceWith(bar), (note.className = "hint"), again()), { text: "Try again" }),
        button("Leave it out", "close", () => element.remove()),
      );
    },
  };
}

// Send files and fields; `sent` is told the share that was sent. Gives the answer.
// fetch does not tell how much of a body was sent, XMLHttpRequest does.
export function post(path, { files, ...fields }, sent) {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    for (const file of files) body.append("file", file);
    for (const [name, value] of Object.entries(fields)) if (value) body.append(name, value);
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.upload.onprogress = (event) => sent(event.loaded / event.total);
    request.onerror = () => reject(new Problem(0, "The server cannot be reached."));
    request.onload = async () => {
      if (request.status < 300) return resolve(JSON.parse(request.responseText));
      if (request.status === 401) return logInAgain().then(() => post(path, { files, ...fields }, sent)).then(resolve, reject);
      reject(await problem(new Response(request.responseText, { status: request.status })));
    };
    request.send(body);
  });
}
