// The workbench: which view an address shows.

import { get, Problem, user } from "./api.js";
import { confirm, h, say } from "./dom.js";
import { drop, unsent } from "./drafts.js";

const ROUTES = [
  [/^\/$/, () => import("./documents.js")],
  [/^\/find$/, () => import("./find.js")],
  [/^\/next$/, () => import("./next.js")],
  [/^\/admin(?:\/([a-z]+)(?:\/([\w:.+-]+))?)?$/, () => import("./admin/main.js")],
  [/^\/d\/([a-z0-9]+)$/, () => import("./document.js")],
  [/^\/d\/([a-z0-9]+)\/(\d+)$/, () => import("./page.js"), { full: true }],
  [/^\/f$/, () => import("./forms/list.js")],
  [/^\/f\/queue$/, () => import("./forms/queue.js")],
  [/^\/f\/t\/([\w.-]+)$/, () => import("./forms/template.js")],
  [/^\/f\/t\/([\w.-]+)\/edit$/, () => import("./forms/fields.js"), { full: true }],
  [/^\/f\/b\/([a-z0-9]+)$/, () => import("./forms/batch.js")],
];

const nothing = {
  show() {
    throw new Problem(404, "");
  },
};

const main = document.querySelector("main");
let leave = () => {};
let turn = 0; // a view that a newer one overtook is not shown

export async function go(url, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", url);
  await show(true);
}

async function show(moved) {
  const own = ++turn;
  const route = ROUTES.find(([pattern]) => pattern.test(location.pathname));
  const leaving = leave;
  leave = () => {};
  await leaving();
  const view = await (route ? route[1]() : nothing);
  if (own !== turn) return;
  const place = h("div", { class: "view" });
  main.replaceChildren(place);
  for (const link of document.querySelectorAll(".top nav a")) {
    const below = { "/": "/d/", "/f": "/f/", "/admin": "/admin/" }[link.pathname];
    const here = link.pathname === location.pathname || (below && location.pathname.startsWith(below));
    if (here) link.setAttribute("aria-current", link.pathname === location.pathname ? "page" : "true");
    else link.removeAttribute("aria-current");
  }
  document.body.classList.toggle("full", Boolean(route?.[2]?.full));
  try {
    const left = await view.show(place, {
      parts: route ? route[0].exec(location.pathname).slice(1) : [],
      query: new URLSearchParams(location.search),
      go,
    });
    if (own !== turn) left?.();
    else leave = left ?? (() => {});
  } catch (error) {
    if (own !== turn) return;
    console.warn(error);
    place.replaceChildren(
      h("h1", { tabindex: -1 }, error.status === 404 ? "This is not here" : "This cannot be shown"),
      h("p", { class: "hint" }, error.status === 404 ? "It was deleted, it is not shared with you, or the address is mistyped." : error.message),
      h("p", {}, h("a", { href: "/" }, "All documents")),
    );
  }
  const heading = place.querySelector("h1");
  if (moved && heading && !place.contains(document.activeElement)) heading.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.target || !ROUTES.some(([pattern]) => pattern.test(link.pathname))) return;
  event.preventDefault();
  if (link.href !== location.href) go(link.href);
});
addEventListener("popstate", () => show(true));

// Changes that are not sent are named before somebody logs out.
document.getElementById("logout").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  await leave();
  const pages = await unsent(user).catch(() => []);
  if (!pages.length) return form.submit();
  const numbers = pages.map(({ page }) => page).join(", ");
  const text = `Changes on page ${numbers} are not on the server yet. They stay in this browser and are sent when you open the page again.`;
  if (await confirm("Log out with unsent changes?", text, "Log out")) form.submit();
  else show(false);
});

// Pages with changes that are not sent are named at the start; those of a document that is gone are forgotten.
async function remind() {
  const open = [];
  for (const { document: id, page } of await unsent(user)) {
    try {
      await get(`/documents/${id}/pages/${page}`);
      if (location.pathname !== `/d/${id}/${page}`) open.push([id, page]);
    } catch (error) {
      if (error.status === 404) await drop(user, id);
    }
  }
  if (!open.length) return;
  const [id, page] = open[0];
  say(`Page ${page} has changes that are not on the server yet.`, { action: "Open it", run: () => go(`/d/${id}/${page}`) });
}

remind().catch(() => null);
show(false);
