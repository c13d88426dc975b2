// The views for admins, each a module of its own.

import { h } from "../dom.js";

const VIEWS = {
  jobs: "Jobs",
  models: "Models",
  data: "Data sets",
  drift: "Drift",
  users: "Users and keys",
  storage: "Storage",
  audit: "Audit trail",
};

export async function show(place, { parts: [name = "jobs", item], go }) {
  if (!VIEWS[name]) return go("/admin", { replace: true });
  document.title = `${VIEWS[name]} · Inkread`;
  const link = ([key, title]) => h("a", { href: `/admin/${key}`, "aria-current": key === name && (item ? "true" : "page") }, title);
  const content = h("div", {});
  place.append(h("nav", { class: "tabs", "aria-label": "Admin" }, ...Object.entries(VIEWS).map(link)), content);
  const view = await import(`./${name}.js`);
  return (item ? view.showOne : view.show)(content, { item, go });
}
