// A small, safe part of Markdown as elements: paragraphs, headings, lists, tables, code, bold, emphasis.
// Anything else stays the text it is. Links stay text too: a model must not lead a reader elsewhere.

import { el } from "./dom.js";

const FENCE = /^\s*(`{3,}|~{3,})\s*([\w+-]*)\s*$/;
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/;
const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;

/** A fragment with the blocks of a text. */
export function renderMarkdown(text) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const fragment = document.createDocumentFragment();
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at);
    fragment.append(block);
    at = next;
  }
  return fragment;
}

function readBlock(lines, at) {
  const line = lines[at];
  if (FENCE.test(line)) return readCode(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [el("h3", { class: "md-heading" }, ...inline(heading[2])), at + 1];
  if (ITEM.test(line)) return readList(lines, at);
  if (startsTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at);
}

function readCode(lines, at) {
  const [, fence] = FENCE.exec(lines[at]);
  const body = [];
  let next = at + 1;
  while (next < lines.length && !lines[next].trim().startsWith(fence)) body.push(lines[next++]);
  return [el("pre", { class: "md-code", tabindex: "0" }, el("code", {}, body.join("\n"))), next + 1];
}

function readParagraph(lines, at) {
  const body = [];
  let next = at;
  while (next < lines.length && lines[next].trim() !== "") {
    const begins = FENCE.test(lines[next]) || ITEM.test(lines[next]) || HEADING.test(lines[next]);
    if (next > at && (begins || startsTable(lines, next))) break;
    body.push(lines[next++]);
  }
  const paragraph = el("p");
  body.forEach((line, index) => {
    if (index > 0) paragraph.append(el("br"));
    paragraph.append(...inline(line.trim()));
  });
  return [paragraph, next];
}

function readList(lines, at) {
  const first = ITEM.exec(lines[at]);
  const indent = first[1].length;
  const list = first[3] === undefined ? el("ul") : el("ol", { start: Number(first[3]) });
  let next = at;
  let item = null;
  while (next < lines.length) {
    const line = lines[next];
    const match = ITEM.exec(line);
    if (match && match[1].length > indent + 1 && item) {
      const [inner, after] = readList(lines, next);
      item.append(inner);
      next = after;
    } else if (match && match[1].length >= indent && (match[3] === undefined) === (first[3] === undefined)) {
      item = el("li", {}, ...inline(match[4]));
      list.append(item);
      next += 1;
    } else if (!match && item && /^\s{2,}\S/.test(line)) {
      item.append(" ", ...inline(line.trim()));
      next += 1;
    } else break;
  }
  return [list, next];
}

const startsTable = (lines, at) =>
  lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && TABLE_RULE.test(lines[at + 1]);

function cells(line) {
  const parts = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/);
  return parts.map((part) => part.trim().replaceAll("\\|", "|"));
}

function readTable(lines, at) {
  const head = cells(lines[at]);
  const right = cells(lines[at + 1]).map((rule) => rule.endsWith(":"));
  const cell = (tag, text, column) =>
    el(tag, { class: right[column] ? "number" : null, scope: tag === "th" ? "col" : null }, ...inline(text));
  const body = el("tbody");
  let next = at + 2;
  while (next < lines.length && lines[next].includes("|")) {
    const row = cells(lines[next]);
    body.append(el("tr", {}, ...head.map((_, column) => cell("td", row[column] ?? "", column))));
    next += 1;
  }
  const header = el("thead", {}, el("tr", {}, ...head.map((text, column) => cell("th", text, column))));
  return [el("div", { class: "table-scroll", tabindex: "0" }, el("table", {}, header, body)), next];
}

/** One line as texts and elements. */
export function inline(text) {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*|(?<![\w*])\*[^\s*](?:[^*]*[^\s*])?\*(?![\w*]))/)
    .filter((part) => part !== "")
    .map((part) => {
      if (part.length > 2 && part.startsWith("`") && part.endsWith("`")) return el("code", {}, part.slice(1, -1));
      if (part.length > 4 && part.startsWith("**") && part.endsWith("**")) return el("strong", {}, part.slice(2, -2));
      if (part.length > 2 && part.startsWith("*") && part.endsWith("*")) return el("em", {}, part.slice(1, -1));
      return part;
    });
}
