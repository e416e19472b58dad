// The conversations of this device, in localStorage: the API has no list of threads.

const STORE = "drawbar.threads";
const MOST = 200;

/** [{id, title, used, run}], the latest used first; `run` is a run that had not ended when last seen. */
export class Threads {
  constructor(onChange) {
    this.onChange = onChange;
    this.list = this.#read();
    window.addEventListener("storage", (event) => {
      if (event.key !== STORE) return;
      this.list = this.#read();
      this.onChange();
    });
  }

  find(id) {
    return this.list.find((thread) => thread.id === id) ?? null;
  }

  put(id, changes) {
    const known = this.find(id) ?? { id, title: "Conversation", run: null };
    const rest = this.list.filter((thread) => thread.id !== id);
    this.#write([{ ...known, used: Date.now(), ...changes }, ...rest].slice(0, MOST));
  }

  /** Changes without moving it to the top. */
  mark(id, changes) {
    this.#write(this.list.map((thread) => (thread.id === id ? { ...thread, ...changes } : thread)));
  }

  remove(id) {
    this.#write(this.list.filter((thread) => thread.id !== id));
  }

  #read() {
    try {
      const list = JSON.parse(localStorage.getItem(STORE) ?? "[]");
      return Array.isArray(list) ? list.filter((thread) => typeof thread?.id === "string") : [];
    } catch {
      return [];
    }
  }

  #write(list) {
    this.list = list;
    try {
      localStorage.setItem(STORE, JSON.stringify(list));
    } catch {
      // A full or forbidden storage costs the list after a reload, not the conversation.
    }
    this.onChange();
  }
}

/** A title from the first question. */
export function titleFrom(text) {
  const line = text.trim().split("\n")[0];
  return line.length <= 60 ? line : `${line.slice(0, 57).trimEnd()}…`;
}
