// Requests to the server: errors as one sentence, log-in again where the session ended, waiting where the rate is limited.

import { dialog, h } from "./dom.js";

export const user = document.body.dataset.user;

export class Problem extends Error {
  constructor(status, detail, body = {}) {
    super(detail);
    this.status = status; // 0: the server was not reached
    this.body = body;
  }
}

export async function call(path, { method = "GET", json, headers = {}, body, signal, tries = 3 } = {}) {
  const sent = { method, headers: { ...headers }, body, signal };
  if (json !== undefined) {
    sent.headers["Content-Type"] = "application/json";
    sent.body = JSON.stringify(json);
  }
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && tries > 0) {
    await logInAgain();
    return call(path, { method, json, headers, body, signal, tries: tries - 1 });
  }
  if (answer.status === 429 && tries > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(answer.headers.get("Retry-After")) || 2)));
    return call(path, { method, json, headers, body, signal, tries: tries - 1 });
  }
  throw await problem(answer);
}

export async function problem(answer) {
  const content = await answer.json().catch(() => ({}));
  const detail = typeof content.detail === "string" ? content.detail : `the server answered ${answer.status}`;
  return new Problem(answer.status, `${detail[0].toUpperCase()}${detail.slice(1)}.`, content);
}

export const get = async (path, signal) => (await call(path, { signal })).json();
export const send = async (method, path, json, headers) => {
  const answer = await call(path, { method, json, headers });
  return answer.status === 204 ? null : answer.json();
};

let asking = null;

// One dialog, however many requests wait for it; what is on the page stays.
export function logInAgain() {
  asking ??= askPassword().finally(() => (asking = null));
  return asking;
}

async function askPassword() {
  const done = await dialog("Your session ended", (close) => {
    const password = h("input", { type: "password", id: "again", autocomplete: "current-password", required: true, maxlength: 1024 });
    const wrong = h("p", { class: "problem", role: "alert" });
    const form = h(
      "form",
      { class: "stack" },
      h("p", {}, `Log in again as ${user} to go on. Nothing on this page is lost.`),
      h("label", { for: "again" }, "Password"),
      password,
      wrong,
      h("p", { class: "actions" }, h("button", { type: "submit" }, "Log in")),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = new URLSearchParams({ name: user, password: password.value });
      const answer = await fetch("/login", { method: "POST", body, redirect: "manual" }).catch(() => null);
      if (answer?.type === "opaqueredirect") close(true);
      else wrong.textContent = answer ? "The password is wrong, or you have to wait a minute." : "The server cannot be reached.";
    });
    return form;
  });
  if (!done) throw new Problem(401, "You are not logged in.");
}

// A session lives some minutes: it is renewed while somebody works.
let active = Date.now();
for (const name of ["keydown", "pointerdown", "scroll"]) {
  addEventListener(name, () => (active = Date.now()), { passive: true, capture: true });
}
setInterval(() => {
  if (Date.now() - active < 240_000) fetch("/session", { method: "POST" }).catch(() => null);
}, 240_000);

// Fetch a file and hand it to the browser to keep.
export async function download(path, options = {}) {
  const answer = await call(path, options);
  const disposition = answer.headers.get("Content-Disposition") || "";
  const named = /filename\*=UTF-8''([^;]+)/i.exec(disposition);
  const plain = /filename="([^"]+)"/.exec(disposition);
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(await answer.blob());
  anchor.download = named ? decodeURIComponent(named[1]) : plain ? plain[1] : "inkread";
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
}

// Follow the events of a document or batch while the tab is seen: browsers allow few open connections to one server.
export function follow(path, handlers) {
  let source = null;
  let again = 0;
  const open = () => {
    if (document.hidden || source) return;
    source = new EventSource(`${path}/events`);
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    }
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // it comes again by itself
      close();
      again = setTimeout(open, 10_000);
    });
  };
  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const change = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", change);
  open();
  return () => {
    document.removeEventListener("visibilitychange", change);
    close();
  };
}
