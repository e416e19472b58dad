// JSON values as something a person likes to read: tables for lists of records, pairs for objects.

import { el } from "./dom.js";

const WIDEST = 10;
const DEEPEST = 4;

const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isScalar = (value) => value === null || typeof value !== "object";

/** `customer_no` and `CustomerNo` as people write it. */
export function words(name) {
  const spaced = name.replaceAll("_", " ").replace(/([a-z\d])([A-Z])/g, "$1 $2");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1).toLowerCase();
}

export function renderValue(value, depth = 0) {
  if (isScalar(value)) return scalar(value);
  if (depth >= DEEPEST) return el("code", {}, JSON.stringify(value));
  if (Array.isArray(value)) return renderList(value, depth);
  const entries = Object.entries(value);
  if (entries.length === 0) return el("span", { class: "nothing" }, "empty");
  return pairs(entries, depth);
}

/** An object's entries as a definition list; `label` says how a name is written. */
export function pairs(entries, depth = 0, label = words) {
  const rows = entries.map(([name, value]) =>
    el("div", { class: isScalar(value) ? "pair" : "pair pair-block" }, el("dt", {}, label(name)), el("dd", {}, renderValue(value, depth + 1))),
  );
  return el("dl", { class: "pairs" }, ...rows);
}

function renderList(list, depth) {
  if (list.length === 0) return el("span", { class: "nothing" }, "nothing found");
  if (list.every(isRecord)) {
    const names = [...new Set(list.flatMap(Object.keys))];
    const flat = list.every((record) => Object.values(record).every(isScalar));
    if (flat && names.length <= WIDEST) return table(list, names);
  }
  if (list.every(isScalar) && list.length <= 12) return el("span", {}, list.map(asText).join(", "));
  return el("ol", { class: "values" }, ...list.map((value) => el("li", {}, renderValue(value, depth + 1))));
}

function table(list, names) {
  const numeric = new Set(names.filter((name) => list.every((row) => row[name] == null || typeof row[name] === "number")));
  const cell = (tag, name, content) =>
    el(tag, { class: numeric.has(name) ? "number" : null, scope: tag === "th" ? "col" : null }, content);
  const head = el("tr", {}, ...names.map((name) => cell("th", name, words(name))));
  const rows = list.map((row) => el("tr", {}, ...names.map((name) => cell("td", name, scalar(row[name] ?? null)))));
  return el(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `Table of ${list.length} rows` },
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)),
  );
}

const asText = (value) => (typeof value === "boolean" ? (value ? "yes" : "no") : String(value));

function scalar(value) {
  if (value === null || value === "") return el("span", { class: "nothing", title: "no value" }, "–");
  return el("span", { class: typeof value === "number" ? "is-number" : null }, asText(value));
}
