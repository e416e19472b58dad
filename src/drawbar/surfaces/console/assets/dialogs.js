// The dialogs: functions, API key, confirmation. The browser keeps the focus inside and gives it back.

import { byId, el, icon } from "./dom.js";
import { effectBadge } from "./cards.js";

for (const dialog of document.querySelectorAll("dialog")) {
  for (const button of dialog.querySelectorAll("[data-close]")) {
    if (button.classList.contains("icon-only")) button.replaceChildren(icon("close"));
    button.addEventListener("click", () => dialog.close("no"));
  }
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close("no"));
}

const closed = (dialog) =>
  new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));

/** Whether the person said yes. */
export async function confirmDeletion(title) {
  const dialog = byId("confirm-dialog");
  byId("confirm-text").textContent = `“${title}” is deleted on the server, for everybody who has it. What its runs changed in other systems stays.`;
  dialog.returnValue = "no";
  dialog.showModal();
  return (await closed(dialog)) === "yes";
}

let asking = null;

/** Asks for an API key once, however many requests wait for it. Answers {key, keep} or null. */
export function askForKey(tried, message) {
  asking ??= (async () => {
    const dialog = byId("key-dialog");
    byId("key-text").textContent = tried ? message : "It is sent with each request to this server and to nobody else.";
    byId("key").value = "";
    dialog.returnValue = "no";
    const submit = () => (dialog.returnValue = "yes");
    byId("key-form").addEventListener("submit", submit, { once: true });
    dialog.showModal();
    await closed(dialog);
    byId("key-form").removeEventListener("submit", submit);
    asking = null;
    const key = byId("key").value.trim();
    return dialog.returnValue === "no" || key === "" ? null : { key, keep: byId("key-keep").checked };
  })();
  return asking;
}

export function setUpFunctions(functions) {
  const opener = byId("show-functions");
  const filter = byId("function-filter");
  const dialog = byId("functions-dialog");
  if (!opener.querySelector("svg")) opener.prepend(icon("functions"));
  byId("function-count").textContent = String(functions.length);
  const draw = () => byId("functions-list").replaceChildren(...groups(functions, filter.value.trim().toLowerCase()));
  filter.oninput = draw;
  opener.onclick = () => {
    filter.value = "";
    draw();
    dialog.showModal();
    filter.focus();
  };
}

function groups(functions, wanted) {
  const matching = functions.filter((one) => `${one.name} ${one.description}`.toLowerCase().includes(wanted));
  if (matching.length === 0) return [el("p", { class: "nothing" }, "No function matches.")];
  return [...new Set(matching.map((one) => one.adapter))].map((adapter) =>
    el(
      "section",
      { class: "function-group" },
      el("h3", {}, adapter),
      el("ul", {}, ...matching.filter((one) => one.adapter === adapter).map(row)),
    ),
  );
}

function row(one) {
  return el(
    "li",
    { class: one.callable ? "function" : "function function-broken" },
    el("div", { class: "function-head" }, el("code", {}, one.name), effectBadge(one.effect)),
    el("p", {}, one.description),
    one.callable ? "" : el("p", { class: "function-problem" }, icon("alert"), one.problem ?? "It cannot be called now."),
  );
}
