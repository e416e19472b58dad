// The chat page: puts the parts together and carries a question to its answer.

import { Api, ApiError } from "./api.js";
import { Conversation, ENDED, Turn } from "./conversation.js";
import { askForKey, confirmDeletion, setUpFunctions } from "./dialogs.js";
import { announce, byId, el, icon } from "./dom.js";
import { Sidebar } from "./sidebar.js";
import { followStream } from "./stream.js";
import { Threads, titleFrom } from "./threads.js";

const V1 = new URL("../v1/", location.href).pathname;
const PAGE = 50;

const api = new Api(async (tried, message) => {
  const given = await askForKey(tried, message);
  if (given) api.useKey(given.key, given.keep);
  return given !== null;
});

const page = {
  config: null,
  conversation: null,
  thread: null, // id of the open thread
  run: null, // {id, turn} while one is under way
  following: new AbortController(),
};

const threads = new Threads(() => sidebar.draw());
const sidebar = new Sidebar(threads, { open: openThread, create: newConversation, rename: renameThread, remove: removeThread });

// -- notices ----------------------------------------------------------------------------------

function showBanner(text, { action, label } = {}) {
  const banner = el("div", { class: "banner", role: "alert" }, icon("alert"), el("p", {}, text));
  if (action) {
    const press = () => {
      banner.remove();
      action();
    };
    banner.append(el("button", { class: "ghost tiny", type: "button", on: { click: press } }, label ?? "Try again"));
  }
  banner.append(el("button", { class: "ghost icon-only tiny", type: "button", "aria-label": "Close this notice", on: { click: () => banner.remove() } }, icon("close")));
  byId("banners").replaceChildren(banner);
  return banner;
}

const clearBanners = () => byId("banners").replaceChildren();

// -- the composer -----------------------------------------------------------------------------

const question = byId("question");

function fitQuestion() {
  question.rows = 1;
  const line = parseFloat(getComputedStyle(question).lineHeight);
  question.rows = Math.max(1, Math.min(8, Math.round((question.scrollHeight - 16) / line)));
  drawButtons();
}

function drawButtons() {
  const busy = page.run !== null;
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  byId("send").disabled = question.value.trim() === "" || page.config === null;
  byId("conversation").setAttribute("aria-busy", String(busy));
}

question.addEventListener("input", fitQuestion);
question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    byId("composer").requestSubmit();
  }
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text !== "" && page.run === null && page.config !== null) ask(text);
});
byId("stop").addEventListener("click", stop);

// -- runs -------------------------------------------------------------------------------------

function makeTurn() {
  return new Turn({
    about: (name) => page.config.functions.find((one) => one.name === name) ?? null,
    assistant: page.config.assistant.name,
    onRetry: () => page.run === null && startRun([]),
    onGrow: () => page.conversation.grown(),
  });
}

async function ask(text) {
  clearBanners();
  question.value = "";
  fitQuestion();
  const message = { role: "user", content: [{ type: "text", text }], created_at: Math.floor(Date.now() / 1000) };
  const said = page.conversation.add(page.conversation.said(message));
  page.conversation.scrollToEnd();
  const sent = await startRun([{ role: "user", content: text }], titleFrom(text));
  if (!sent) {
    said.remove();
    if (question.value === "") question.value = text;
    fitQuestion();
  }
}

/** Starts a run and follows it. Answers whether the server took it. */
async function startRun(messages, title) {
  const following = newFollowing();
  const turn = makeTurn();
  page.run = { id: null, turn };
  page.conversation.add(turn.element);
  drawButtons();
  let before = null;
  try {
    if (page.thread === null) {
      const thread = await api.json("POST", `${V1}threads`, { metadata: { title } });
      page.thread = thread.id;
      threads.put(thread.id, { title });
      showPlace();
    } else {
      before = (await api.json("GET", `${V1}threads/${page.thread}/runs?limit=1`)).data[0]?.id ?? null;
    }
    const body = { assistant_id: page.config.assistant.id, stream: true, additional_messages: messages };
    const first = await postRun(page.thread, body, before, following.signal);
    await follow(page.thread, turn, first, following);
    return true;
  } catch (error) {
    if (following.signal.aborted) return true;
    const begun = page.run?.id !== null;
    page.run = null;
    drawButtons();
    if (begun) {
      showBanner(`The run could not be followed: ${error.message}`, { action: () => openThread(page.thread), label: "Load it again" });
      return true;
    }
    turn.element.remove();
    showBanner(`Not sent. ${error.message}`, { action: () => byId("composer").requestSubmit() });
    return false;
  }
}

/**
 * The response that streams the new run. When no answer came, the run may have been made all the
 * same: the newest run of the thread tells, and is followed instead of being asked for twice.
 */
async function postRun(thread, body, before, signal) {
  const path = `${V1}threads/${thread}/runs`;
  try {
    return await api.send("POST", path, { body, signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) throw error;
    const [newest] = (await api.json("GET", `${path}?limit=1`)).data;
    if (!newest || newest.id === before) throw error;
    page.run.id = newest.id;
    return null;
  }
}

function newFollowing() {
  page.following.abort();
  page.following = new AbortController();
  return page.following;
}

async function follow(thread, turn, first, following) {
  let lost = null;
  await followStream({
    first,
    signal: following.signal,
    resume: (lastId) =>
      api.send("GET", `${V1}threads/${thread}/runs/${page.run.id}/events`, {
        headers: lastId === null ? {} : { "Last-Event-ID": lastId },
        signal: following.signal,
      }),
    onEvent: (name, data) => {
      if (following.signal.aborted) return;
      if (name === "error") {
        showBanner((data.error ?? data).message ?? "The server reported an error.");
        return;
      }
      if (data.object === "thread.run" && page.run.id === null) {
        page.run.id = data.id;
        threads.put(thread, { run: data.id });
      }
      turn.apply(name, data);
    },
    onLost: (again) => {
      lost = showBanner("The connection was lost. The run goes on; this page looks for it again.", { action: again, label: "Look now" });
    },
    onFound: () => lost?.remove(),
  });
  if (following.signal.aborted) return;
  page.run = null;
  threads.mark(thread, { run: null });
  drawButtons();
  if (!turn.ended && turn.status !== "requires_action") await openThread(thread);
}

async function stop() {
  const run = page.run;
  if (run === null || run.id === null) return;
  byId("stop").disabled = true;
  try {
    await api.json("POST", `${V1}threads/${page.thread}/runs/${run.id}/cancel`);
    announce("Stopping");
  } catch (error) {
    if (error.status !== 400) showBanner(`It could not be stopped. ${error.message}`, { action: stop });
  } finally {
    byId("stop").disabled = false;
    question.focus();
  }
}

// -- threads ----------------------------------------------------------------------------------

function showPlace() {
  const title = page.thread === null ? "New conversation" : (threads.find(page.thread)?.title ?? "Conversation");
  byId("title").textContent = title;
  document.title = page.thread === null ? "Drawbar" : `${title} – Drawbar`;
  sidebar.draw(page.thread);
  const hash = page.thread === null ? "" : `#${page.thread}`;
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname);
}

function newConversation() {
  newFollowing();
  page.thread = null;
  page.run = null;
  clearBanners();
  showPlace();
  page.conversation.clear();
  page.conversation.log.append(welcome());
  drawButtons();
  question.focus();
}

async function openThread(id) {
  const following = newFollowing();
  page.thread = id;
  page.run = null;
  clearBanners();
  page.conversation.clear();
  page.conversation.log.append(el("p", { class: "loading" }, "Loading the conversation"));
  drawButtons();
  try {
    const [thread, messages, runs] = await Promise.all([
      api.json("GET", `${V1}threads/${id}`),
      api.json("GET", `${V1}threads/${id}/messages?limit=${PAGE}`),
      api.json("GET", `${V1}threads/${id}/runs?limit=${PAGE}`),
    ]);
    if (following.signal.aborted) return;
    const active = runs.data.find((run) => !ENDED.includes(run.status) && run.status !== "requires_action");
    if (!threads.find(id)) threads.put(id, { title: thread.metadata.title ?? "Shared conversation" });
    threads.mark(id, { run: active?.id ?? null });
    showPlace();
    const items = await pastItems(id, messages.data.toReversed(), runs.data.toReversed(), active);
    if (following.signal.aborted) return;
    page.conversation.clear();
    if (messages.has_more) page.conversation.add(el("p", { class: "loading" }, "Earlier messages are kept on the server."));
    for (const item of items) page.conversation.add(item);
    if (items.length === 0 && !active) page.conversation.log.append(welcome());
    page.conversation.scrollToEnd();
    if (active) await rejoin(id, active, following);
  } catch (error) {
    if (following.signal.aborted) return;
    threadNotLoaded(id, error);
  }
  question.focus();
}

function threadNotLoaded(id, error) {
  if (error.status === 404) {
    threads.remove(id);
    newConversation();
    showBanner("This conversation does not exist on the server any more. It was taken off the list.");
  } else {
    page.conversation.clear();
    showPlace();
    showBanner(error.message, { action: () => openThread(id) });
  }
}

async function rejoin(thread, run, following) {
  const turn = makeTurn();
  page.run = { id: run.id, turn };
  turn.setRun(run);
  page.conversation.add(turn.element);
  drawButtons();
  await follow(thread, turn, null, following);
}

/** The elements of a thread in order: what people wrote, and each ended run with its steps. */
async function pastItems(thread, messages, runs, active) {
  const byMessage = new Map(messages.map((message) => [message.id, message]));
  const turns = new Map(
    await Promise.all(
      runs.filter((run) => run !== active).map(async (run) => [run.id, await pastTurn(thread, run, byMessage)]),
    ),
  );
  const items = [];
  const place = (run) => {
    items.push({ at: run.created_at, node: turns.get(run.id) });
    turns.delete(run.id);
  };
  const runOf = new Map(runs.map((run) => [run.id, run]));
  for (const message of messages) {
    if (message.role === "user") items.push({ at: message.created_at, node: page.conversation.said(message) });
    else if (turns.has(message.run_id)) place(runOf.get(message.run_id));
  }
  for (const id of [...turns.keys()]) {
    // A run that ended without words stands behind what was written before it.
    const run = runOf.get(id);
    const later = items.findIndex((item) => item.at > run.created_at);
    items.splice(later < 0 ? items.length : later, 0, { at: run.created_at, node: turns.get(id) });
  }
  return items.map((item) => item.node);
}

async function pastTurn(thread, run, messages) {
  const steps = await api.json("GET", `${V1}threads/${thread}/runs/${run.id}/steps?order=asc&limit=100`);
  const turn = makeTurn();
  for (const step of steps.data) turn.setStep(step, messages);
  turn.setRun(run);
  return turn.element;
}

function renameThread(id, title) {
  threads.mark(id, { title });
  if (id === page.thread) showPlace();
  api.json("POST", `${V1}threads/${id}`, { metadata: { title } }).catch((error) => {
    showBanner(`The new name is kept on this device only. ${error.message}`);
  });
}

async function removeThread(id) {
  const thread = threads.find(id);
  if (!(await confirmDeletion(thread?.title ?? "This conversation"))) return;
  try {
    await api.json("DELETE", `${V1}threads/${id}`);
  } catch (error) {
    if (error.status !== 404) {
      showBanner(`Not deleted. ${error.message}`, { action: () => removeThread(id) });
      return;
    }
  }
  threads.remove(id);
  announce("Deleted");
  if (id === page.thread) newConversation();
  else byId("new-conversation").focus();
}

// -- the start --------------------------------------------------------------------------------

function welcome() {
  const { assistant, examples } = page.config;
  const pick = (text) => {
    question.value = text;
    fitQuestion();
    byId("composer").requestSubmit();
    question.focus();
  };
  const cards = examples.map((text) =>
    el("li", {}, el("button", { class: "example", type: "button", on: { click: () => pick(text) } }, el("span", {}, text), icon("send"))),
  );
  return el(
    "section",
    { class: "welcome", "aria-label": "Welcome" },
    el("h2", {}, assistant.name),
    assistant.description ? el("p", { class: "welcome-text" }, assistant.description) : "",
    cards.length > 0 ? el("h3", { class: "welcome-ask" }, "For example") : "",
    cards.length > 0 ? el("ul", { class: "examples" }, ...cards) : "",
  );
}

const THEMES = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

function setUpTheme() {
  const root = document.documentElement;
  const button = byId("toggle-theme");
  button.prepend(icon("theme"));
  const draw = () => (byId("theme-label").textContent = THEMES[root.dataset.theme ?? "auto"]);
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme ?? "auto") + 1) % names.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("drawbar.theme", next);
    } catch {
      // The theme holds until the page is left.
    }
    draw();
    announce(THEMES[next]);
  });
  draw();
}

async function begin() {
  try {
    page.config = await api.json("GET", "config");
  } catch (error) {
    showBanner(error.message, { action: begin });
    return;
  }
  const { assistant, model, functions, caller } = page.config;
  byId("assistant-name").textContent = `${assistant.name}, asked by ${caller}`;
  byId("model-label").textContent = model.label;
  byId("model-label").classList.toggle("not-a-model", !model.is_model);
  byId("model-label").hidden = false;
  setUpFunctions(functions);
  page.conversation = new Conversation({
    scroller: byId("conversation"),
    log: byId("log"),
    toLatest: byId("to-latest"),
    me: caller,
  });
  await openFromAddress();
  window.addEventListener("popstate", openFromAddress);
  fitQuestion();
}

function openFromAddress() {
  const id = location.hash.slice(1);
  if (/^thread_\w+$/.test(id)) return id === page.thread ? undefined : openThread(id);
  return newConversation();
}

byId("send").replaceChildren(icon("send"));
byId("stop").prepend(icon("stop"));
setUpTheme();
sidebar.draw(null);
begin();
