// What outlives the page: the session's token and the messages not yet taken by the server.
// Messages themselves are never kept here; they come from the server again.

const EMPTY = { token: null, session: null, who: "", queue: [] };

export class Keep {
  constructor(key) {
    this.key = key;
    this.memory = { ...EMPTY }; // where the browser keeps nothing for us
  }

  read() {
    try {
      const text = localStorage.getItem(this.key);
      if (text !== null) return { ...EMPTY, ...JSON.parse(text) };
    } catch {
      return this.memory; // storage is forbidden here, or somebody else's words are in it
    }
    return this.memory;
  }

  // Always from what is stored at this moment: another tab may have changed it.
  change(changes) {
    const before = this.read();
    this.memory = { ...before, ...(typeof changes === "function" ? changes(before) : changes) };
    try {
      localStorage.setItem(this.key, JSON.stringify(this.memory));
    } catch {
      // Full or forbidden: it lives as long as the page.
    }
  }

  add(item) {
    this.change(({ queue }) => ({ queue: [...queue, item] }));
  }

  remove(id) {
    this.change(({ queue }) => ({ queue: queue.filter((item) => item.id !== id) }));
  }
}

// Whose identity token this is. Only the server can verify it; here it tells two users apart.
export function subject(identity) {
  try {
    const body = identity.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes)).sub ?? "");
  } catch {
    return "";
  }
}
