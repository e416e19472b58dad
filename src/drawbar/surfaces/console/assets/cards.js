// One guided invocation as a card: what was asked for, what came of it.

import { el, icon } from "./dom.js";
import { inline } from "./markdown.js";
import { pairs, renderValue } from "./values.js";

export const STATES = {
  running: "Running",
  succeeded: "Succeeded",
  refused: "Refused",
  failed: "Failed",
  indeterminate: "Outcome unknown",
  waiting: "Needs agreement",
  stopped: "Stopped",
  handed: "Handed to the client",
};
const LEAD = {
  refused: "Nothing was sent.",
  failed: "The system said no.",
  indeterminate: "It was sent and no answer came. It may have happened, so it is not repeated.",
  waiting: "Somebody has to agree first.",
  stopped: "The run ended before an answer came.",
};
const EFFECTS = { read: "reads", write: "changes data", destroy: "removes data" };
const ICONS = { waiting: "waiting", stopped: "stopped", running: "running", handed: "waiting" };

/** What a function's output says: {state, data, message, ...}. An output that is no outcome is shown as it is. */
export function readOutcome(output) {
  try {
    const outcome = JSON.parse(output);
    if (outcome && typeof outcome === "object" && outcome.outcome in STATES) {
      const waiting = outcome.outcome === "refused" && outcome.code === "approval_required";
      return { ...outcome, state: waiting ? "waiting" : outcome.outcome };
    }
    return { state: "succeeded", data: outcome };
  } catch {
    return { state: "succeeded", data: output };
  }
}

export function effectBadge(effect) {
  return el("span", { class: `effect effect-${effect}` }, icon(effect), EFFECTS[effect] ?? effect);
}

export class Card {
  /** `about` finds what is known of a function by its name. */
  constructor(about) {
    this.about = about;
    this.state = "running";
    this.name = "";
    this.argumentText = "";
    this.head = el("header", { class: "call-head" });
    this.asked = el("div", { class: "call-asked" });
    this.told = el("div", { class: "call-told" });
    this.element = el("section", { class: "call", dataset: { state: "running" } }, this.head, this.asked, this.told);
  }

  /** A piece of the invocation, as the model writes it. */
  extend(piece) {
    if (piece.name) this.name += piece.name;
    this.argumentText += piece.arguments ?? "";
    this.#draw();
  }

  /** The whole invocation, and its output when there is one. */
  set(call, ended) {
    this.name = call.name;
    this.argumentText = call.arguments ?? "";
    if (call.output !== null && call.output !== undefined) {
      this.#tell(readOutcome(call.output));
    } else if (ended) {
      this.#tell({ state: ended === "cancelled" || ended === "expired" ? "stopped" : "failed" });
    }
    this.#draw();
  }

  get summary() {
    return `${this.name.replaceAll("_", " ")}: ${STATES[this.state]}`;
  }

  #draw() {
    const known = this.about(this.name);
    this.element.dataset.state = this.state;
    this.element.setAttribute("aria-label", `Function ${this.summary}`);
    this.head.replaceChildren(
      el("span", { class: "call-state" }, icon(ICONS[this.state] ?? this.state), el("span", {}, STATES[this.state])),
      el("code", { class: "call-name" }, this.name || "…"),
      known ? effectBadge(known.effect) : "",
    );
    this.asked.replaceChildren(this.#arguments());
  }

  #arguments() {
    if (this.argumentText.trim() === "" || this.argumentText.trim() === "{}") return el("p", { class: "call-none" }, "No arguments");
    try {
      const entries = Object.entries(JSON.parse(this.argumentText));
      return pairs(entries, 0, (name) => el("code", {}, name));
    } catch {
      return el("pre", { class: "call-raw" }, this.argumentText);
    }
  }

  #tell(outcome) {
    this.state = outcome.state;
    const problems = (outcome.problems ?? []).map((problem) =>
      el("li", {}, el("code", {}, problem.argument || "arguments"), " ", problem.message),
    );
    const bad = outcome.state !== "succeeded";
    const message = bad ? (outcome.message ?? LEAD[outcome.state]) : null;
    const lead = outcome.state === "indeterminate" && outcome.message ? LEAD.indeterminate : null;
    this.told.replaceChildren(
      ...[
        message ? el("p", { class: "call-message" }, ...inline(sentence(message))) : null,
        lead ? el("p", { class: "call-lead" }, lead) : null,
        problems.length > 0 ? el("ul", { class: "call-problems" }, ...problems) : null,
        outcome.hint ? el("p", { class: "call-hint" }, ...inline(outcome.hint)) : null,
        outcome.data !== undefined ? reply("Reply", outcome.data) : null,
        outcome.detail !== undefined ? reply("Details", outcome.detail) : null,
        ...(outcome.notes ?? []).map((note) => el("p", { class: "call-note" }, note)),
      ].filter(Boolean),
    );
  }
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function size(value) {
  if (Array.isArray(value)) return value.length === 1 ? "1 record" : `${value.length} records`;
  return "";
}

/** The reply, folded; the record view first, the JSON on request. */
function reply(title, value) {
  const body = el("div", { class: "reply-body" });
  const toggle = el("button", { class: "ghost tiny", type: "button" }, "Show JSON");
  let asJson = false;
  const draw = () => {
    const shown = asJson
      ? el("pre", { class: "md-code", tabindex: "0" }, el("code", {}, JSON.stringify(value, null, 2)))
      : renderValue(value);
    body.replaceChildren(shown, toggle);
    toggle.textContent = asJson ? "Show as records" : "Show JSON";
  };
  toggle.addEventListener("click", () => {
    asJson = !asJson;
    draw();
  });
  const details = el(
    "details",
    { class: "reply" },
    el("summary", {}, icon("chevron"), el("span", {}, title), el("span", { class: "reply-size" }, size(value))),
    body,
  );
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    if (body.childElementCount === 0) draw();
    details.scrollIntoView({ block: "nearest" });
  });
  return details;
}
