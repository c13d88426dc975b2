// How far the last pages differ from those that the model is used to, figure by figure.

import { get } from "../api.js";
import { h, plural } from "../dom.js";
import { bar, facts, repeatedly, table } from "./parts.js";

const FIGURES = {
  paper: "how light the paper is",
  contrast: "paper against ink",
  noise: "grain of the paper",
  edge: "how sharp edges are",
  width: "pixels across the picture",
  cut: "lines that end at the edge",
  ink: "share of the area with ink",
  stroke: "width of strokes",
  slant: "slant of the writing",
  height: "height of lines",
  confidence: "confidence of the readings",
  doubtful: "lines unlike what the model has learnt",
  surprise: "surprise of the language model",
  characters: "characters in a line",
};
const LANGUAGE = "language_";

export async function show(place) {
  const content = h("div", {});
  place.append(
    h("h1", { tabindex: -1 }, "Drift"),
    h("p", {}, "The last pages are compared with the first that the model has read here. An alert tells when a figure drifts; its pages then come first in the queue of what to correct."),
    content,
  );
  const load = async () => content.replaceChildren(...described(await get("/models/drift")));
  await load();
  return repeatedly(load, 10_000);
}

function described(services) {
  if (!services.length) return [h("p", { class: "nothing" }, "No prediction service answers.")];
  return services.flatMap((found) => [services.length > 1 && h("h2", {}, found.service), ...service(found)].filter(Boolean));
}

function service(found) {
  const { usual, training, alarm } = found;
  const names = Object.keys({ ...usual, ...training }).sort((a, b) => worst(b) - worst(a) || a.localeCompare(b));
  const most = Math.max(2 * alarm, ...names.map(worst));
  function worst(name) {
    return usual[name] ?? training[name];
  }
  const drifted = names.filter((name) => usual[name] > alarm);
  return [
    facts([
      ["Usual pages of this place", enough(found.reference, found.reference_pages)],
      ["Last pages", enough(found.window, found.window_pages)],
      ["Drifted", names.some((name) => name in usual) ? (drifted.length ? drifted.map(title).join(", ") : "nothing") : "not known yet"],
    ]),
    table(
      "Figures of the last pages",
      [
        ["Figure", (name) => [h("code", {}, name), " ", usual[name] > alarm && h("span", { class: "badge drifted" }, "drifted")].filter(Boolean)],
        ["What it is", title],
        ["Index", (name) => index(usual[name]), "number"],
        ["Share", (name) => bar(worst(name), most), "plot"],
        ["Index against the training", (name) => index(training[name]), "number"],
      ],
      names,
      { empty: `An index is there after ${plural(found.window_pages, "page")}.` },
    ),
    h("p", { class: "hint" }, `The index is the population stability index; above ${alarm} a figure has drifted. That pages differ from those of the training is usual, and raises no alert.`),
  ];
}

function title(name) {
  return name.startsWith(LANGUAGE) ? `how far the text is like ${name.slice(LANGUAGE.length)}` : (FIGURES[name] ?? "");
}

const enough = (there, needed) => (there < needed ? `${there} of ${needed}` : plural(needed, "page"));
const index = (value) => (value === undefined ? "" : value.toFixed(2));
