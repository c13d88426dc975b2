// Where the space goes, whose documents there are, and when they are deleted.

import { call, get } from "../api.js";
import { confirm, h, plural, say, size, stateName, when } from "../dom.js";
import { action, bar, facts, table, whole } from "./parts.js";

const PART = 50;
const FOLDERS = {
  documents: "pictures of documents",
  uploads: "archives that were uploaded for jobs",
  datasets: "versions of the data set",
  jobs: "logs of jobs",
  pipeline: "the project in which jobs work",
  bundles: "models that were fetched from the registry",
  mlflow: "the registry: all versions of the model",
  monitoring: "metrics",
  logs: "logs of the services",
  files: "databases, alerts, keys",
};
const KEPT = { all: "stay", failed: "stay where the job failed", none: "are deleted when the job has ended" };

export async function show(place) {
  const [sizes, documents] = [h("div", {}), h("div", {})];
  place.append(h("h1", { tabindex: -1 }, "Storage"), sizes, h("h2", {}, "Documents"), documents);
  let items = [];

  async function load() {
    const found = await get("/storage");
    const { retention } = found;
    const most = Math.max(1, ...found.folders.map((folder) => folder.bytes));
    sizes.replaceChildren(
      facts([
        ["Disk", `${size(found.disk_free)} of ${size(found.disk_total)} free`],
        ["Documents are kept", retention.document_days === null ? "until somebody deletes them" : `${retention.document_days} days`],
        ["Deleted within 7 days", plural(retention.expiring, "document")],
        ["Each user may keep", size(retention.storage_bytes)],
        ["Archives of jobs", KEPT[retention.keep_uploads]],
      ]),
      h("h2", {}, "Folders"),
      table("Folders", [
        ["Folder", (folder) => h("code", {}, folder.name)],
        ["What is in it", (folder) => FOLDERS[folder.name] ?? ""],
        ["Size", (folder) => size(folder.bytes), "number"],
        ["Share", (folder) => bar(folder.bytes, most), "plot"],
      ], found.folders),
      h("h2", {}, "Users"),
      table("Space of users", [
        ["User", (owner) => owner.user],
        ["Documents", (owner) => whole(owner.documents), "number"],
        ["Pages", (owner) => whole(owner.pages), "number"],
        ["Size", (owner) => size(owner.bytes), "number"],
        ["Share", (owner) => bar(owner.bytes, retention.storage_bytes), "plot"],
        ["Oldest", (owner) => when(owner.oldest)],
        ["Next deletion", (owner) => (owner.next_expiry ? when(owner.next_expiry) : "none")],
      ], found.owners, { empty: "Nobody keeps documents." }),
    );
    await more(0);
  }

  async function more(offset) {
    const answer = await get(`/documents?everybody=true&limit=${PART}&offset=${offset}`);
    items = offset ? [...items, ...answer.documents] : answer.documents;
    documents.replaceChildren(
      table("Documents", [
        ["Document", (item) => (item.role ? h("a", { href: `/d/${item.id}` }, item.name) : item.name)],
        ["Owner", (item) => item.owner],
        ["State", (item) => h("span", { class: `state ${item.state}` }, stateName(item.state))],
        ["Pages", (item) => (item.pages_total === null ? "" : whole(item.pages_total)), "number"],
        ["Size", (item) => size(item.bytes), "number"],
        ["Added", (item) => when(item.created)],
        ["Deleted", (item) => (item.expires ? when(item.expires) : "never")],
        ["Actions", (item) => action("Delete", `${item.name} of ${item.owner}`, () => remove(item)), "acts"],
      ], items, { empty: "There is no document." }),
      h("button", { type: "button", class: "plain", hidden: items.length >= answer.total, onclick: () => more(items.length) }, `Show more of ${whole(answer.total)}`),
    );
  }

  async function remove(item) {
    const text = `Scans, texts and all versions of ${item.owner}'s document are deleted from the server for everybody. This cannot be undone.`;
    if (!(await confirm(`Delete ${item.name}?`, text, "Delete"))) return;
    try {
      await call(`/documents/${item.id}`, { method: "DELETE" });
      say(`${item.name} was deleted.`);
    } catch (error) {
      say(error.message, { problem: true });
    }
    await load();
  }

  await load();
}
