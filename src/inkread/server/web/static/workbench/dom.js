// Elements, icons, dialogs, messages: what every view is made of.

export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  add: "M10 4v12M4 10h12",
  back: "M12 4l-6 6 6 6",
  next: "M8 4l6 6-6 6",
  up: "M4 12l6-6 6 6",
  down: "M4 8l6 6 6-6",
  left: "M16 10H4m5-5l-5 5 5 5",
  right: "M4 10h12m-5-5l5 5-5 5",
  zoomIn: "M8.5 3.5a5 5 0 100 10 5 5 0 000-10zM12.5 12.5L17 17M8.5 6v5M6 8.500h5",
  zoomOut: "M8.5 3.5a5 5 0 100 10 5 5 0 000-10zM12.5 12.5L17 17M6 8.500h5",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  rotate: "M15.500 6.500A6.500 6.500 0 1016.500 10M16 2.500v4h-4",
  lines: "M3 5h14M3 10h14M3 15h9",
  undo: "M7 4L3 8l4 4M3 8h8a5 5 0 010 10H8",
  redo: "M13 4l4 4-4 4M17 8H9a5 5 0 000 10h3",
  share: "M7 9a3 3 0 100-6 3 3 0 000 6zM1.500 17a5.500 5.500 0 0111 0M15.500 7v6M12.500 10h6",
  save: "M10 3v9m-4-4l4 4 4-4M3 16h14",
  history: "M3 10a7 7 0 112 5M3 10l-1.500-2M3 10l2-1.500M10 6v4.500l3 2",
  help: "M10 18a8 8 0 100-16 8 8 0 000 16zM7.800 7.600a2.300 2.300 0 114 1.700c-.9.8-1.800 1.200-1.800 2.300M10 14.200v.3",
  check: "M4 10.500l4 4 8-9",
  bin: "M4 6h12M8 6V4h4v2M5.500 6l.8 11h7.400l.8-11",
  search: "M8.500 3.500a5 5 0 100 10 5 5 0 000-10zM12.500 12.500L17 17",
  close: "M5 5l10 10M15 5L5 15",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}

// A button with an icon; its label is read aloud and shown as a tip, and as text where `text` is given.
export function button(label, name, onclick, { text = "", keys = "", ...more } = {}) {
  const tip = keys ? `${label} (${keys})` : label;
  return h(
    "button",
    { type: "button", class: text ? "plain" : "plain square", title: tip, "aria-label": text ? null : label, onclick, ...more },
    name ? icon(name) : null,
    text,
  );
}

// A picture that is fetched when it comes into view, and again where the server was too busy.
export function picture(src, properties = {}, tries = 3) {
  const image = h("img", { src, alt: "", loading: "lazy", decoding: "async", ...properties });
  image.addEventListener("error", () => {
    if (tries-- > 0) setTimeout(() => (image.src = src), 5000);
  });
  return image;
}

// Show a dialog. `build(close)` gives its contents; the promise has what close was called with, null for Escape.
export function dialog(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const close = (value = null) => {
      answer = value;
      element.close();
    };
    const element = h("dialog", { class: wide ? "wide" : null, "aria-labelledby": "dialog-title" });
    element.append(
      h("header", {}, h("h2", { id: "dialog-title" }, title), button("Close", "close", () => close())),
      h("div", { class: "body" }, build(close)),
    );
    element.addEventListener("close", () => {
      element.remove();
      resolve(answer);
    });
    document.body.append(element);
    element.showModal();
    element.querySelector(".body :is(input:not([type=checkbox], [type=radio]), .actions button)")?.focus();
  });
}

export function confirm(title, text, action) {
  return dialog(title, (close) => [
    h("p", {}, text),
    h(
      "p",
      { class: "actions" },
      h("button", { type: "button", class: "plain", onclick: () => close() }, "Keep"),
      h("button", { type: "button", class: "danger", onclick: () => close(true) }, action),
    ),
  ]);
}

// Tell something in the corner; problems stay until they are closed. Screen readers read both.
export function say(text, { problem = false, action = null, run = null } = {}) {
  const box = document.getElementById("messages");
  const message = h("p", { class: problem ? "message problem" : "message", role: problem ? "alert" : null }, h("span", {}, text));
  const remove = () => message.remove();
  if (action) {
    message.append(h("button", { type: "button", class: "plain", onclick: () => (remove(), run()) }, action));
  }
  message.append(button("Close message", "close", remove));
  for (const old of [...box.children]) if (!problem && old.textContent === message.textContent) old.remove();
  box.append(message);
  while (box.children.length > 3) box.firstElementChild.remove();
  if (!problem) setTimeout(remove, action ? 12_000 : 5_000);
}

export const percent = (confidence) => (confidence === null || confidence === undefined ? "" : `${Math.round(100 * confidence)} %`);

export function grade(confidence) {
  if (confidence === null || confidence === undefined) return "none";
  if (confidence >= 0.9) return "sure";
  return confidence >= 0.75 ? "fair" : "doubt";
}

const STATES = {
  waiting: "waiting",
  reading: "reading",
  read: "read",
  failed: "failed",
  cancelled: "cancelled",
  in_correction: "in correction",
  done: "done",
};
export const stateName = (state) => STATES[state] ?? state;

export function when(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

export function debounce(run, milliseconds) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), milliseconds);
  };
}
