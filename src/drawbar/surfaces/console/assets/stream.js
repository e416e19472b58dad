// Server-sent events of a run: read from a POST, and taken up again where they broke off.

import { ApiError } from "./api.js";

const PAUSES = [300, 1000, 2000, 4000, 8000];

/** Yields {event, id, data} of a response until it ends. */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  let event = { event: "message", id: null, data: [] };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      pending += value;
      // A carriage return at the end may be half of a line end; it waits for the next piece.
      const lines = pending.split(/\r\n|\n|\r(?!$)/);
      pending = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.data.length > 0) yield { ...event, data: event.data.join("\n") };
          event = { event: "message", id: event.id, data: [] };
        } else if (!line.startsWith(":")) {
          readField(event, line);
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function readField(event, line) {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (name === "event") event.event = value;
  else if (name === "data") event.data.push(value);
  else if (name === "id") event.id = value;
}

/**
 * Hands every event of a run to `onEvent`, once and in order, until the run's stream is done.
 *
 * `first` is the response that began it, or null to take it up with `resume(lastId)`. When a
 * connection breaks, `onLost(again)` is told and the stream resumed after a pause that grows;
 * `again()` ends the pause.
 */
export async function followStream({ first, resume, onEvent, onLost, onFound, signal }) {
  let lastId = null;
  let response = first;
  let attempt = 0;
  for (;;) {
    try {
      response ??= await resume(lastId);
      if (attempt > 0) onFound();
      for await (const event of readEvents(response)) {
        attempt = 0;
        if (event.event === "done") return;
        lastId = event.id ?? lastId;
        onEvent(event.event, JSON.parse(event.data));
      }
    } catch (error) {
      if (signal.aborted || (error instanceof ApiError && error.status >= 400 && error.status < 500)) throw error;
    }
    if (signal.aborted) return;
    response = null;
    attempt += 1;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, PAUSES[Math.min(attempt, PAUSES.length) - 1]);
      signal.addEventListener("abort", resolve, { once: true });
      if (attempt > 1) {
        onLost(() => {
          clearTimeout(timer);
          resolve();
        });
      }
    });
    if (signal.aborted) return;
  }
}
