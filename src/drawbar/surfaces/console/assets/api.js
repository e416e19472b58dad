// Requests to the server this page came from.

const KEY = "drawbar.key";

/** An answer that says no. `status` 0: no answer came at all. */
export class ApiError extends Error {
  constructor(message, status, code = null) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const stores = () => [sessionStorage, localStorage];

function storedKey() {
  try {
    return stores().map((store) => store.getItem(KEY)).find(Boolean) ?? null;
  } catch {
    return null;
  }
}

export class Api {
  /** `askForKey` is called on 401 and answers whether there is a new key to try with. */
  constructor(askForKey) {
    this.askForKey = askForKey;
    this.key = storedKey();
  }

  useKey(key, keep) {
    this.key = key;
    try {
      for (const store of stores()) store.removeItem(KEY);
      (keep ? localStorage : sessionStorage).setItem(KEY, key);
    } catch {
      // Without storage the key lives as long as the page.
    }
  }

  async json(method, path, body) {
    const response = await this.send(method, path, { body });
    return response.json();
  }

  /** The response of a request that was answered with success. Raises ApiError. */
  async send(method, path, { body, headers = {}, signal } = {}) {
    for (;;) {
      const response = await this.#fetch(method, path, { body, headers, signal });
      if (response.ok) return response;
      const error = await readError(response);
      if (error.status !== 401 || !(await this.askForKey(this.key, error.message))) throw error;
    }
  }

  async #fetch(method, path, { body, headers, signal }) {
    const sent = { ...headers };
    if (body !== undefined) sent["Content-Type"] = "application/json";
    if (this.key) sent.Authorization = `Bearer ${this.key}`;
    try {
      return await fetch(path, {
        method,
        headers: sent,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        cache: "no-store",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server cannot be reached.", 0);
    }
  }
}

async function readError(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // Not ours: a proxy in between answers in its own words.
  }
  const message = error.message ?? `The server answered ${response.status} ${response.statusText}.`;
  return new ApiError(message, response.status, error.code ?? null);
}
