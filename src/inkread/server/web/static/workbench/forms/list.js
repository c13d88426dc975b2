// All templates of forms; an empty form that is dropped becomes a proposed one.

import { get } from "../api.js";
import { table, whole } from "../admin/parts.js";
import { h, icon, say } from "../dom.js";
import { dropping, post } from "../upload.js";
import { titleOf } from "./parts.js";

const addressOf = (form) => `/f/t/${form.name}${form.state === "draft" ? "/edit" : ""}`;

export async function show(place, { go }) {
  document.title = "Forms · Inkread";
  const note = h("p", { class: "hint", role: "status" });
  const content = h("div", {});
  const dropped = dropping(place, propose, { label: "Empty form", multiple: false, accept: ".pdf,.png,.jpg,.jpeg,.tif,.tiff,.webp,.zip,image/*,application/pdf,application/zip", unchecked: /\.zip$/i });

  async function propose(files) {
    note.textContent = `Fields of ${files[0].name} are being looked for …`;
    try {
      const form = await post("/forms", { files }, () => null);
      go(addressOf(form));
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
    dropped.element,
    note,
    content,
  );

  const { templates } = await get("/forms");
  content.replaceChildren(
    table(
      "Forms",
      [
        ["Form", (form) => [h("a", { href: addressOf(form) }, titleOf(form)), " ", form.state === "draft" && h("span", { class: "badge" }, "proposed")].filter(Boolean)],
        ["Version", (form) => whole(form.version), "number"],
        ["Pages", (form) => whole(form.pages), "number"],
        ["Fields", (form) => whole(form.fields), "number"],
        ["Sheets", (form) => whole(form.sheets), "number"],
        ["Unsure fields", (form) => (form.unsure ? h("a", { href: `/f/queue?template=${form.name}`, "aria-label": `Key ${form.unsure} unsure fields of ${titleOf(form)}` }, whole(form.unsure)) : "0"), "number"],
        ["Owner", (form) => form.owner],
      ],
      templates,
      { empty: "Drop an empty form here, as a PDF or scan. Its fields are found, and you correct them." },
    ),
  );
  return dropped.close;
}
