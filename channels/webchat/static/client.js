// The conversation, whatever the network does: what is said waits until the server has it, what
// was missed is fetched in order, and nothing doubles, because every message has an id of its own.

import { Keep, subject } from "./keep.js";
import { pollLine, socketLine } from "./lines.js";

const FIRST = 600; // milliseconds of the first pause between attempts
const MOST = 30_000;
const PATIENCE = 15_000; // for an answer that is due
const PING = 25_000;
const TYPING = 4_000;
const UNREAD = ["queued", "sent"];

export class Client extends EventTarget {
  constructor({ base, identity, language }) {
    super();
    Object.assign(this, { base, identity, language });
    this.keep = new Keep(`warmline ${base}`);
    this.messages = new Map();
    this.sent = new Map(); // taken by the server, not yet in the conversation we were shown
    this.failed = new Map();
    this.limits = { text: 4000, file_size: 5e6, file_types: [] };
    this.state = "idle";
    this.caughtUp = false;
    this.tries = this.socketFailures = this.after = 0;
    this.line = null;
    this.timers = {};
    this.stop = new AbortController();
  }

  get known() {
    return Boolean(this.keep.read().token);
  }

  start() {
    if (this.state !== "idle") return;
    const who = subject(this.identity ?? "");
    const kept = this.keep.read();
    // Someone else's conversation and unsent words are not for the next person at this computer.
    if (kept.who && kept.who !== who) this.keep.change({ token: null, session: null, queue: [] });
    this.keep.change({ who });
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.stop.signal });
    on(window, "online", () => this.retry());
    on(window, "offline", () => this.drop());
    on(document, "visibilitychange", () => document.hidden || this.retry());
    on(window, "storage", (event) => event.key === this.keep.key && this.elsewhere());
    this.connect();
  }

  close() {
    this.stop.abort();
    this.hangUp();
    this.state = "idle";
  }

  // -- saying -----------------------------------------------------------------------------------

  say(text, attachments = []) {
    const item = { id: newId(), text, attachments, at: new Date().toISOString() };
    this.keep.add(item);
    this.changed();
    this.flush();
  }

  again(id) {
    const item = this.failed.get(id);
    this.failed.delete(id);
    this.say(item.text, item.attachments);
  }

  typing() {
    const now = Date.now();
    if (now - (this.lastTyping ?? 0) < TYPING) return;
    this.lastTyping = now;
    this.tell({ type: "typing" });
  }

  // What was seen: everything others said until now.
  read() {
    this.mark("read", (message) => message.status !== "read");
  }

  get pending() {
    const queue = this.keep.read().queue.filter(({ id }) => !this.sent.has(id));
    const each = (status) => (item) => ({ ...item, client: item.id, id: undefined, author: "customer", status });
    return [
      ...[...this.sent.values()].map(each("sent")),
      ...queue.map(each(this.state === "live" ? "sending" : "waiting")),
      ...[...this.failed.values()].map(each("failed")),
    ];
  }

  get unread() {
    return [...this.messages.values()].filter((one) => one.author !== "customer" && one.status !== "read").length;
  }

  // -- files ------------------------------------------------------------------------------------

  async upload(file, signal) {
    const answer = await this.fetch(`files?name=${encodeURIComponent(file.name)}`, {
      method: "POST",
      body: file,
      signal,
    });
    const body = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(body.error.message), { code: body.error.code });
    return body;
  }

  async download(ref) {
    const answer = await this.fetch(`files/${ref}`);
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.blob();
  }

  fetch(path, init = {}) {
    const headers = { Authorization: `Bearer ${this.keep.read().token}` };
    return fetch(new URL(path, this.base), { ...init, headers });
  }

  // -- the line ---------------------------------------------------------------------------------

  connect() {
    this.hangUp();
    if (navigator.onLine === false) return this.become("offline");
    this.become("connecting");
    const hello = () => {
      const { token } = this.keep.read();
      this.tell({
        type: "hello",
        after: this.after,
        ...(token && { token }),
        ...(this.identity && { identity: this.identity }),
      });
    };
    // A socket that fails twice in a row is perhaps not let through: then plain requests, once.
    this.polling = this.socketFailures >= 2;
    this.socketFailures = this.polling ? 0 : this.socketFailures + 1;
    const line = (this.polling ? pollLine : socketLine)(this.base, {
      up: hello,
      frame: (frame) => this.hear(frame),
      down: () => this.line === line && this.drop(),
      after: () => this.after,
      token: () => this.keep.read().token,
    });
    this.line = line;
    this.await("answer");
  }

  retry() {
    if (this.state === "live" || this.state === "refused" || this.state === "idle") return;
    this.tries = 0;
    this.connect();
  }

  hangUp() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    this.line?.close();
    this.line = null;
    this.waitingFor = null;
  }

  // The line is gone: come back later, each time a little later, and not all pages at once.
  drop() {
    this.hangUp();
    if (this.state === "refused") return;
    if (navigator.onLine === false) return this.become("offline");
    this.become("connecting");
    const pause = Math.min(MOST, FIRST * 2 ** this.tries++) * (0.5 + Math.random() / 2);
    this.timers.connect = setTimeout(() => this.connect(), Math.max(pause, this.notBefore ?? 0));
    this.notBefore = 0;
  }

  tell(frame) {
    this.line?.send(frame);
  }

  // An answer is due. A network that vanished without a word is noticed by its silence.
  await(name) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(() => this.drop(), PATIENCE);
  }

  arrived(name) {
    clearTimeout(this.timers[name]);
  }

  ping() {
    clearTimeout(this.timers.ping);
    this.timers.ping = setTimeout(() => {
      if (this.polling) return;
      this.tell({ type: "ping" });
      this.await("pong");
      this.ping();
    }, PING);
  }

  // One at a time, in order; the next when the server has the one before.
  flush() {
    if (this.state !== "live" || this.waitingFor) return;
    const item = this.keep.read().queue.find(({ id }) => !this.sent.has(id));
    if (!item) return;
    this.waitingFor = item.id;
    const page = location.origin + location.pathname;
    this.tell({
      type: "say",
      id: item.id,
      text: item.text,
      attachments: item.attachments.map(({ ref }) => ref),
      language: this.language,
      ...(page.length <= 500 && /^http/.test(page) && { page }),
    });
    this.await("accepted");
  }

  // -- hearing ----------------------------------------------------------------------------------

  hear(frame) {
    this.arrived("pong");
    const act = {
      ready: this.onReady,
      live: this.onLive,
      accepted: this.onAccepted,
      message: this.onMessage,
      status: this.onStatus,
      typing: (one) => this.emit("typing", one),
      error: this.onError,
    }[frame.type];
    act?.call(this, frame);
  }

  onReady({ token, session, limits, fresh }) {
    this.arrived("answer");
    this.socketFailures = 0;
    if (fresh || this.session !== session) this.forget();
    this.session = session;
    this.keep.change({ token, session });
    this.limits = limits;
    this.emit("ready");
    this.await("live");
  }

  onLive() {
    this.arrived("live");
    this.tries = 0;
    this.caughtUp = true;
    this.become("live");
    this.mark("delivered", (one) => UNREAD.includes(one.status));
    this.flush();
    this.ping();
  }

  onAccepted({ id }) {
    const item = this.keep.read().queue.find((one) => one.id === id);
    if (item && !this.shown(id)) this.sent.set(id, item);
    this.settle(id);
  }

  onMessage(message) {
    this.arrived("live");
    if (this.state !== "live") this.await("live");
    this.messages.set(message.id, message);
    this.after = Math.max(this.after, message.id);
    if (message.client) {
      this.sent.delete(message.client);
      this.keep.remove(message.client); // it was taken, even if the line broke before we heard so
      if (this.waitingFor === message.client) this.settle(message.client);
    }
    this.changed(message);
    if (this.state === "live") this.mark("delivered", (one) => UNREAD.includes(one.status));
  }

  onStatus({ id, status }) {
    const message = this.messages.get(id);
    if (!message) return;
    this.messages.set(id, { ...message, status });
    this.changed();
  }

  onError({ code, id, retry_after: pause }) {
    if (code === "bad_session") {
      this.keep.change({ token: null, session: null });
    } else if (code === "bad_identity") {
      this.hangUp();
      this.become("refused");
      this.emit("identity");
    } else if (id && pause) {
      this.arrived("accepted");
      this.timers.again = setTimeout(() => {
        this.waitingFor = null;
        this.flush();
      }, pause * 1000);
    } else if (id) {
      const item = this.keep.read().queue.find((one) => one.id === id);
      if (item) this.failed.set(id, item);
      this.settle(id);
    } else if (pause) {
      this.notBefore = pause * 1000;
    }
  }

  // -- within -----------------------------------------------------------------------------------

  forget() {
    this.messages.clear();
    this.sent.clear();
    this.after = 0;
  }

  shown(client) {
    return [...this.messages.values()].some((message) => message.client === client);
  }

  settle(id) {
    this.arrived("accepted");
    this.keep.remove(id);
    this.waitingFor = null;
    this.changed();
    this.flush();
  }

  mark(type, wanted) {
    if (this.state !== "live") return;
    const found = [...this.messages.values()].filter((one) => one.author !== "customer" && wanted(one));
    if (!found.length) return;
    for (let first = 0; first < found.length; first += 200) {
      this.tell({ type, ids: found.slice(first, first + 200).map((one) => one.id) });
    }
    for (const one of found) this.messages.set(one.id, { ...one, status: type });
    this.changed();
  }

  // Another tab has sent something, or has begun a new session.
  elsewhere() {
    const { session } = this.keep.read();
    if (this.session && session && session !== this.session) {
      this.forget();
      return this.connect();
    }
    this.changed();
    this.flush();
  }

  become(state) {
    this.state = state;
    this.emit("state");
    this.changed();
  }

  changed(message) {
    this.emit("change", message);
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
