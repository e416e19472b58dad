// The list of conversations at the side; a drawer on narrow screens.

import { byId, el, icon } from "./dom.js";

const narrow = window.matchMedia("(max-width: 820px)");

export class Sidebar {
  /** `actions`: open(id), create(), rename(id, title), remove(id). */
  constructor(threads, actions) {
    this.threads = threads;
    this.actions = actions;
    this.current = null;
    this.renaming = null;
    this.panel = byId("sidebar");
    this.opener = byId("open-sidebar");
    this.backdrop = byId("backdrop");
    this.opener.replaceChildren(icon("menu"));
    byId("close-sidebar").replaceChildren(icon("close"));
    byId("new-conversation").prepend(icon("plus"));
    byId("new-conversation").addEventListener("click", () => {
      this.setOpen(false);
      actions.create();
    });
    this.opener.addEventListener("click", () => this.setOpen(true));
    byId("close-sidebar").addEventListener("click", () => this.setOpen(false));
    this.backdrop.addEventListener("click", () => this.setOpen(false));
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && narrow.matches && this.renaming === null) this.setOpen(false);
    });
    narrow.addEventListener("change", () => this.setOpen(false));
    this.setOpen(false);
  }

  setOpen(open) {
    const was = document.body.classList.contains("sidebar-open");
    document.body.classList.toggle("sidebar-open", open);
    this.backdrop.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
    this.panel.inert = narrow.matches && !open;
    if (open) byId("close-sidebar").focus();
    else if (was && narrow.matches) this.opener.focus();
  }

  draw(current = this.current) {
    this.current = current;
    if (this.renaming !== null && byId("threads").querySelector(".thread-rename")) return; // what is typed stays
    const focused = document.activeElement?.closest?.("[data-thread]")?.dataset.thread;
    const list = byId("threads");
    list.replaceChildren(...this.threads.list.map((thread) => this.#row(thread)));
    byId("threads-empty").hidden = this.threads.list.length > 0;
    if (focused && this.renaming === null) list.querySelector(`[data-thread="${CSS.escape(focused)}"] .thread-open`)?.focus();
  }

  #row(thread) {
    if (this.renaming === thread.id) return this.#renameRow(thread);
    const here = thread.id === this.current;
    const open = el(
      "button",
      { class: "thread-open", type: "button", "aria-current": here ? "page" : null, title: thread.title },
      thread.run ? el("span", { class: "thread-busy", role: "img", "aria-label": "Running" }) : "",
      el("span", { class: "thread-title" }, thread.title),
    );
    open.addEventListener("click", () => {
      this.setOpen(false);
      this.actions.open(thread.id);
    });
    const action = (name, label, run) =>
      el("button", { class: "ghost icon-only thread-action", type: "button", "aria-label": `${label} “${thread.title}”`, title: label, on: { click: run } }, icon(name));
    return el(
      "li",
      { class: here ? "thread thread-here" : "thread", dataset: { thread: thread.id } },
      open,
      action("rename", "Rename", () => this.#startRename(thread.id)),
      action("remove", "Delete", () => this.actions.remove(thread.id)),
    );
  }

  #renameRow(thread) {
    const field = el("input", { class: "field thread-rename", value: thread.title, maxlength: "100", "aria-label": "New name of the conversation" });
    let over = false;
    const finish = (keep) => {
      if (over) return;
      over = true;
      this.renaming = null;
      const title = field.value.trim();
      if (keep && title && title !== thread.title) this.actions.rename(thread.id, title);
      this.draw();
      byId("threads").querySelector(`[data-thread="${CSS.escape(thread.id)}"] .thread-open`)?.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault(); // the button that gets the focus must not be pressed by the same key
      finish(event.key === "Enter");
    });
    field.addEventListener("blur", () => finish(true));
    return el("li", { class: "thread", dataset: { thread: thread.id } }, field);
  }

  #startRename(id) {
    this.renaming = id;
    this.draw();
    const field = byId("threads").querySelector(".thread-rename");
    field.focus();
    field.select();
  }
}
