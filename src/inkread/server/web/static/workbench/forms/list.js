// All templates of forms; an empty form that is dropped becomes a proposed one.

import { get } from "../api.js";
import { table, whole } from "../admin/parts.js";
import { h, icon, say, when } from "../dom.js";
import { dropping, post } from "../upload.js";

export async function show(place, { go }) {
  document.title = "Forms · Inkread";
  const note = h("p", { class: "hint", role: "status" });
  const content = h("div", {});
  const dropped = dropping(place, propose, { label: "Empty form", accept: ".pdf,.png,.jpg,.jpeg,.tif,.tiff,.webp,.zip,image/*,application/pdf,application/zip" });

  async function propose(files) {
    note.textContent = `Fields of ${files[0].name} are being looked for …`;
    try {
      const form = await post("/forms", { files }, () => null);
      go(form.state === "draft" ? `/f/t/${form.id}/edit` : `/f/t/${form.id}`);
    } catch (error) {
      note.textContent = "";
      say(error.message, { problem: true });
    }
  }

  place.append(
    h(
      "div",
      { class: "bar" },
      h("h1", { tabindex: -1 }, "Forms"),
      h("a", { href: "/f/queue" }, "Key unsure fields"),
      h("button", { type: "button", class: "with-icon", onclick: dropped.choose }, icon("add"), "Add an empty form"),
    ),
    dropped.input,
    note,
    content,
  );

  const { templates } = await get("/forms");
  content.replaceChildren(
    table(
      "Forms",
      [
        ["Form", (form) => [h("a", { href: form.state === "draft" ? `/f/t/${form.id}/edit` : `/f/t/${form.id}` }, form.title || form.name), " ", form.state === "draft" && h("span", { class: "badge" }, "proposed")].filter(Boolean)],
        ["Version", (form) => form.version],
        ["Pages", (form) => whole(form.pages), "number"],
        ["Fields", (form) => whole(form.fields), "number"],
        ["Batches", (form) => whole(form.batches), "number"],
        ["Unsure fields", (form) => (form.unsure ? h("a", { href: `/f/queue?template=${form.id}`, "aria-label": `Key ${form.unsure} unsure fields of ${form.title || form.name}` }, whole(form.unsure)) : "0"), "number"],
        ["Owner", (form) => form.owner],
        ["Made", (form) => when(form.created)],
      ],
      templates,
      { empty: "Drop an empty form here, as a PDF or scan. Its fields are found, and you correct them." },
    ),
  );
  return dropped.close;
}
