// Rules across fields: the list, and a dialog for a new one.

import { ask } from "../admin/parts.js";
import { button, h } from "../dom.js";
import { putList } from "./inspector.js";

const KINDS = [
  ["order", "One is not before, or below, another"],
  ["sum", "One is the sum of others"],
  ["pairs", "Two stand together in a list, such as postcode and town"],
];
const ORDERED = ["date", "time", "number", "amount"];
const ADDED = ["number", "amount"];

const sentence = (rule) =>
  ({
    order: () => `${rule.second} is not before, or below, ${rule.first}`,
    sum: () => `${rule.total} is the sum of ${rule.parts.join(", ")}`,
    pairs: () => `${rule.first} and ${rule.second} stand together in ${rule.list}`,
  })[rule.rule]();

export function rulesOf({ model, path, readonly, listed }) {
  const rules = model.template.rules ?? [];
  const remove = (at) => model.step((template) => template.rules.splice(at, 1));
  return [
    h("h2", { id: "rules" }, "Rules"),
    h("ul", { class: "rules" }, ...rules.map((rule, at) => h("li", {}, h("span", {}, sentence(rule)), !readonly && button(`Delete the rule ${sentence(rule)}`, "bin", () => remove(at))))),
    !rules.length && h("p", { class: "hint" }, "No rule yet. A rule chooses among the values that fit each field."),
    !readonly && h("p", {}, button("Add a rule", "add", () => add(model, path, listed), { text: "Add a rule" })),
  ].filter(Boolean);
}

function add(model, path, listed) {
  const names = model.names();
  const of = (types) => names.filter(([, type]) => !types || types.includes(type)).map(([name]) => [name, name]);
  const kind = (...wanted) => (form) => wanted.includes(form.elements.rule.value);
  const all = of(null);
  return ask(
    "New rule",
    "",
    [
      { name: "rule", label: "What it says", options: KINDS, value: "order" },
      { name: "first", label: "First", options: of(ORDERED), value: of(ORDERED)[0]?.[0], shown: kind("order") },
      { name: "second", label: "Second, not before or below the first", options: of(ORDERED), value: of(ORDERED)[1]?.[0], shown: kind("order") },
      { name: "total", label: "Total", options: of(ADDED), value: of(ADDED).find(([name]) => !name.includes("."))?.[0], shown: kind("sum") },
      { name: "parts", label: "Parts (Ctrl selects several)", options: of(ADDED), multiple: true, shown: kind("sum") },
      { name: "left", label: "First of the pair", options: all, value: all[0]?.[0], shown: kind("pairs") },
      { name: "right", label: "Second of the pair", options: all, value: all[1]?.[0], shown: kind("pairs") },
      { name: "pairs", label: "Pairs, one a line, with a tab between", type: "textarea", rows: 4, spellcheck: "false", shown: kind("pairs") },
      { name: "file", label: "Or a file with them", type: "file", accept: ".txt,.tsv,text/plain", shown: kind("pairs") },
    ],
    "Add",
    async ({ elements }) => {
      const value = (name) => elements[name].value;
      const rule = { rule: value("rule") };
      if (rule.rule === "sum") {
        rule.total = value("total");
        rule.parts = [...elements.parts.selectedOptions].map((option) => option.value).filter((name) => name !== rule.total);
        if (!rule.total || !rule.parts.length) throw new Error("Choose a total and its parts.");
      } else {
        [rule.first, rule.second] = rule.rule === "order" ? [value("first"), value("second")] : [value("left"), value("right")];
        if (!rule.first || !rule.second || rule.first === rule.second) throw new Error("Choose two fields.");
      }
      if (rule.rule === "pairs") {
        const text = elements.file.files.length ? await elements.file.files[0].text() : value("pairs");
        if (!text.split(/\r?\n/).some((line) => line.includes("\t"))) throw new Error("Each line has the first, a tab, and the second.");
        rule.list = `${rule.first}_${rule.second}.txt`.replaceAll(/[^\w.-]/g, "_");
        await listed(await putList(path, rule.list, text));
      }
      model.step((template) => (template.rules = [...(template.rules ?? []), rule]));
    },
  );
}
