// The conversation on the page: what people wrote, and each run as it happens.

import { announce, el, icon } from "./dom.js";
import { Card, sentence } from "./cards.js";
import { renderMarkdown } from "./markdown.js";

export const ENDED = ["completed", "incomplete", "failed", "cancelled", "expired"];

const NOTES = {
  queued: "Waiting for a turn",
  in_progress: "Thinking",
  cancelling: "Stopping",
  requires_action: "This run waits for a client that runs functions of its own.",
  incomplete: "The answer was cut: a limit of this run was reached.",
  cancelled: "Stopped. What was carried out before stays carried out.",
  expired: "The run took too long and was given up.",
};
const NEAR = 120;

const textOf = (message) =>
  message.content
    .filter((part) => part.type === "text")
    .map((part) => (typeof part.text === "string" ? part.text : part.text.value))
    .join("\n\n");

function clock(seconds) {
  const moment = new Date(seconds * 1000);
  const today = moment.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(undefined, { dateStyle: today ? undefined : "medium", timeStyle: "short" }).format(moment);
}

/** One run: its steps in order, the words as they come, and how it ended. */
export class Turn {
  constructor({ about, assistant, onRetry, onGrow }) {
    this.about = about;
    this.onRetry = onRetry;
    this.onGrow = onGrow;
    this.status = "queued";
    this.cards = new Map();
    this.texts = new Map();
    this.parts = el("div", { class: "turn-parts" });
    this.note = el("div", { class: "turn-note" });
    this.element = el(
      "article",
      { class: "turn", "aria-label": `Answer of ${assistant}` },
      el("p", { class: "turn-who" }, assistant),
      this.parts,
      this.note,
    );
    this.#drawNote();
  }

  apply(name, data) {
    if (name.startsWith("thread.run.step.")) this.#step(name.slice("thread.run.step.".length), data);
    else if (name.startsWith("thread.run.")) this.setRun(data);
    else if (name.startsWith("thread.message.")) this.#message(name.slice("thread.message.".length), data);
    this.onGrow();
  }

  get ended() {
    return ENDED.includes(this.status);
  }

  setRun(run) {
    this.status = run.status;
    this.error = run.last_error;
    this.#drawNote();
  }

  /** A step as it stands in the store. */
  setStep(step, messages) {
    if (step.type === "tool_calls") {
      const ended = ["cancelled", "failed", "expired"].includes(step.status) ? step.status : null;
      step.step_details.tool_calls.forEach((call, index) => {
        if (call.type === "function") this.#card(step.id, index).set(call.function, ended);
      });
    } else {
      const message = messages?.get(step.step_details.message_creation.message_id);
      if (message) this.setMessage(message);
    }
  }

  setMessage(message) {
    this.#text(message.id).value = textOf(message);
    this.#drawText(message.id);
  }

  #step(kind, data) {
    if (kind === "delta") {
      for (const piece of data.delta.step_details?.tool_calls ?? []) {
        const { output, ...call } = piece.function ?? {};
        const card = this.#card(data.id, piece.index);
        if (output === null || output === undefined) card.extend(call);
        else card.set({ name: card.name, arguments: card.argumentText, output });
      }
      return;
    }
    if (data.type !== "tool_calls") return;
    this.setStep(data);
    if (kind === "completed") announce([...this.cards].filter(([key]) => key.startsWith(data.id)).map(([, card]) => card.summary).join(". "));
  }

  #message(kind, data) {
    if (kind === "delta") {
      const text = this.#text(data.id);
      for (const part of data.delta.content ?? []) text.value += part.text?.value ?? "";
      text.pending ??= requestAnimationFrame(() => {
        text.pending = null;
        this.#drawText(data.id);
        this.onGrow();
      });
      return;
    }
    this.setMessage(data);
    if (kind === "completed") announce(textOf(data));
  }

  #card(stepId, index) {
    const key = `${stepId}/${index}`;
    if (!this.cards.has(key)) {
      const card = new Card(this.about);
      this.cards.set(key, card);
      this.parts.append(card.element);
    }
    return this.cards.get(key);
  }

  #text(id) {
    if (!this.texts.has(id)) {
      const text = { value: "", pending: null, element: el("div", { class: "words" }) };
      this.texts.set(id, text);
      this.parts.append(text.element);
    }
    return this.texts.get(id);
  }

  #drawText(id) {
    const text = this.texts.get(id);
    text.element.replaceChildren(renderMarkdown(text.value));
    this.#drawNote();
  }

  #drawNote() {
    this.element.dataset.status = this.status;
    const busy = ["queued", "in_progress", "cancelling"].includes(this.status);
    const talking = [...this.texts.values()].some((text) => text.value !== "");
    const text = this.status === "failed" ? sentence(this.error?.message ?? "The run failed.") : NOTES[this.status];
    if (!text || (busy && this.status !== "cancelling" && talking)) {
      this.note.replaceChildren();
      return;
    }
    const retry = ["failed", "expired", "incomplete"].includes(this.status) && this.onRetry;
    const sign = busy ? el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")) : icon(this.status === "failed" ? "failed" : "stopped");
    this.note.className = `turn-note note-${this.status}`;
    this.note.replaceChildren(
      sign,
      el("span", {}, text),
      retry ? el("button", { class: "ghost tiny", type: "button", on: { click: this.onRetry } }, "Try again") : "",
    );
  }
}

/** The scrolling log. */
export class Conversation {
  constructor({ scroller, log, toLatest, me }) {
    this.scroller = scroller;
    this.log = log;
    this.toLatest = toLatest;
    this.me = me;
    this.stuck = true;
    this.toLatest.replaceChildren(icon("down"), "Latest");
    this.toLatest.addEventListener("click", () => this.scrollToEnd());
    this.scroller.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.scroller;
      this.stuck = scrollHeight - scrollTop - clientHeight < NEAR;
      this.toLatest.hidden = this.stuck;
    });
  }

  clear() {
    this.log.replaceChildren();
    this.stuck = true;
    this.toLatest.hidden = true;
  }

  add(node) {
    this.log.querySelector(".welcome")?.remove();
    this.log.append(node);
    this.grown();
    return node;
  }

  /** A message a person wrote. */
  said(message) {
    const mine = !message.author || message.author === this.me;
    const who = mine ? "You" : message.author;
    return el(
      "article",
      { class: mine ? "said" : "said said-other", "aria-label": `${who} wrote` },
      el("p", { class: "said-who" }, who, message.created_at ? el("time", { datetime: new Date(message.created_at * 1000).toISOString() }, clock(message.created_at)) : ""),
      el("div", { class: "said-text" }, textOf(message)),
    );
  }

  grown() {
    if (this.stuck) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  scrollToEnd() {
    this.stuck = true;
    this.toLatest.hidden = true;
    this.grown();
  }
}
