// Browser storage: the session's token, and the messages that the server has not accepted yet.
// Received messages are never stored here; the server sends them again.

const EMPTY = { token: null, session: null, who: "", queue: [], hidden: 0 };

export class ChatStorage {
  constructor(key) {
    this.key = key;
    this.memory = { ...EMPTY }; // used where the browser's storage is not available
  }

  read() {
    try {
      const text = localStorage.getItem(this.key);
      if (text !== null) return { ...EMPTY, ...JSON.parse(text) };
    } catch {
      return this.memory; // storage is forbidden here, or holds something else
    }
    return this.memory;
  }

  // Reads the stored state first: another tab may have changed it.
  update(changes) {
    const before = this.read();
    this.memory = { ...before, ...(typeof changes === "function" ? changes(before) : changes) };
    try {
      localStorage.setItem(this.key, JSON.stringify(this.memory));
    } catch {
      // Full or forbidden: the state lasts as long as the page.
    }
  }

  add(item) {
    this.update(({ queue }) => ({ queue: [...queue, item] }));
  }

  remove(id) {
    this.update(({ queue }) => ({ queue: queue.filter((item) => item.id !== id) }));
  }
}

// The user in an identity token. Only the server can verify it; here it tells two users apart.
export function subject(identity) {
  try {
    const body = identity.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes)).sub ?? "");
  } catch {
    return "";
  }
}
