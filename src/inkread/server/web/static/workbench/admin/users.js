// Users and their API keys.

import { call, get, send, user as self } from "../api.js";
import { confirm, dialog, h, say, when } from "../dom.js";
import { action, ask, table, whole } from "./parts.js";

const ROLES = [
  ["user", "user"],
  ["admin", "admin"],
];
const SCOPES = { predict: "read pages", documents: "documents and search", jobs: "data sets and training", admin: "everything" };
const LEAST = 12;
const password = (label) => ({ name: "password", label, type: "password", required: true, minlength: LEAST, maxlength: 1024, autocomplete: "new-password", hint: `At least ${LEAST} characters` });

export async function show(place) {
  const [users, keys] = [h("div", {}), h("div", {})];
  place.append(
    h("div", { class: "bar" }, h("h1", { tabindex: -1 }, "Users"), h("button", { type: "button", class: "with-icon", onclick: add }, "Add a user")),
    users,
    h("div", { class: "bar" }, h("h2", {}, "API keys"), h("button", { type: "button", class: "with-icon", onclick: make }, "Make a key for yourself")),
    keys,
  );

  async function load() {
    const [people, all] = await Promise.all([get("/users"), get("/keys?everybody=true")]);
    users.replaceChildren(
      table("Users", [
        ["Name", (item) => item.name],
        ["Role", (item) => role(item)],
        ["Access", (item) => h("span", { class: `state ${item.disabled ? "failed" : "done"}` }, item.disabled ? "disabled" : "may log in")],
        ["Added", (item) => when(item.created)],
        ["Sessions", (item) => whole(item.sessions), "number"],
        ["Keys", (item) => whole(all.filter((key) => key.user === item.name && key.active).length), "number"],
        ["Actions", (item) => actions(item), "acts"],
      ], people),
    );
    keys.replaceChildren(
      table("API keys", [
        ["Key", (key) => key.name],
        ["Of", (key) => key.user],
        ["Opens", (key) => key.scopes.map((scope) => SCOPES[scope]).join(", ")],
        ["Requests today", (key) => used(key.requests_today, key.requests_a_day), "number"],
        ["Pages today", (key) => used(key.pages_today, key.pages_a_day), "number"],
        ["Made", (key) => when(key.created)],
        ["Ends", (key) => (key.expires ? when(key.expires) : "never")],
        ["Actions", (key) => (key.active ? action("Revoke", `${key.name} of ${key.user}`, () => revoke(key)) : h("span", { class: "state failed" }, "ended")), "acts"],
      ], all, { empty: "Nobody has an API key." }),
    );
  }

  const used = (today, most) => (most === null ? whole(today) : `${whole(today)} of ${whole(most)}`);

  function role(item) {
    const select = h("select", { "aria-label": `Role of ${item.name}`, disabled: item.name === self });
    select.append(...ROLES.map(([key, title]) => h("option", { value: key }, title)));
    select.value = item.role;
    select.addEventListener("change", () => act(() => send("PATCH", path(item), { role: select.value }), `${item.name} is ${select.value} now and has to log in again.`));
    return select;
  }

  function actions(item) {
    const own = item.name === self;
    return h(
      "div",
      { class: "tools" },
      action("New password", `for ${item.name}`, () => renew(item)),
      item.sessions > 0 && action("End sessions", `of ${item.name}`, () => end(item)),
      !own &&
        (item.disabled
          ? action("Enable", item.name, () => act(() => send("PATCH", path(item), { disabled: false }), `${item.name} may log in again.`))
          : action("Disable", item.name, () => disable(item))),
    );
  }

  const path = (item) => `/users/${encodeURIComponent(item.name)}`;

  async function act(run, told) {
    try {
      await run();
      say(told);
    } catch (error) {
      say(error.message, { problem: true });
    }
    await load().catch((error) => say(error.message, { problem: true }));
  }

  async function disable(item) {
    const text = "Password, sessions and API keys are refused from now on. Documents stay.";
    if (await confirm(`Disable ${item.name}?`, text, "Disable")) await act(() => send("PATCH", path(item), { disabled: true }), `${item.name} can log in no more.`);
  }

  async function end(item) {
    const text = item.name === self ? "You have to log in again, here too." : "They have to log in again; what they have not saved stays in their browser. API keys go on.";
    if (await confirm(`End the sessions of ${item.name}?`, text, "End them")) await act(() => call(`${path(item)}/sessions`, { method: "DELETE" }), `${item.name} has to log in again.`);
  }

  async function renew(item) {
    const done = await ask(`New password for ${item.name}`, "The sessions under the old one end.", [password("New password")], "Set it", ({ elements }) => send("PATCH", path(item), { password: elements.password.value }));
    if (done) await act(async () => null, `${item.name} has a new password.`);
  }

  async function add() {
    const fields = [{ name: "name", label: "Name", required: true, maxlength: 64, autocomplete: "off", hint: "Letters, digits and . _ @ -" }, password("Password"), { name: "role", label: "Role", options: ROLES, value: "user" }];
    const made = await ask("Add a user", "", fields, "Add", ({ elements }) => send("POST", "/users", { name: elements.namedItem("name").value.trim(), password: elements.password.value, role: elements.role.value }));
    if (made) await act(async () => null, `${made.name} may log in.`);
  }

  async function make() {
    const quota = (name, label) => ({ name, label, type: "number", min: 1, max: 1e9 });
    const fields = [
      { name: "name", label: "Name", required: true, maxlength: 100, autocomplete: "off" },
      ...Object.entries(SCOPES).map(([scope, what]) => ({ name: scope, label: `${scope}: ${what}`, type: "checkbox", value: scope === "predict" })),
      quota("pages_a_day", "Pages a day (empty: as many as you like)"),
      quota("requests_a_day", "Requests a day (empty: as many as you like)"),
      { ...quota("days", "Days until it ends (empty: never)"), max: 36_500 },
    ];
    const made = await ask("Make an API key", "", fields, "Make it", ({ elements }) => {
      const number = (name) => (elements[name].value ? Number(elements[name].value) : null);
      const scopes = Object.keys(SCOPES).filter((scope) => elements[scope].checked);
      if (!scopes.length) throw new Error("Choose what it opens.");
      return send("POST", "/keys", { name: elements.namedItem("name").value.trim(), scopes, pages_a_day: number("pages_a_day"), requests_a_day: number("requests_a_day"), days: number("days") });
    });
    if (!made) return;
    await load();
    const shown = h("input", { id: "key-text", value: made.text, readonly: true });
    await dialog("Copy the key now", () => [h("p", {}, "It is shown this once only; the server keeps its hash."), h("div", { class: "stack" }, h("label", { for: "key-text" }, made.key.name), shown)]);
  }

  async function revoke(key) {
    if (await confirm(`Revoke ${key.name} of ${key.user}?`, "Programs that use it are refused from now on. This cannot be undone.", "Revoke")) await act(() => call(`/keys/${key.id}`, { method: "DELETE" }), `${key.name} was revoked.`);
  }

  await load();
}
