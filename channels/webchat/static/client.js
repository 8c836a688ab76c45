// The conversation over an unreliable network. Own messages wait until the server has accepted
// them, missed messages are fetched in order, and ids keep any message from appearing twice.

import { pollConnection, socketConnection } from "./connections.js";
import { ChatStorage, subject } from "./storage.js";

const FIRST_PAUSE = 600; // milliseconds between the first two attempts to connect
const MAX_PAUSE = 30_000;
const ANSWER_TIMEOUT = 15_000;
const PING = 25_000;
const TYPING = 4_000;
const UNDELIVERED = ["queued", "sent"];

export class Client extends EventTarget {
  constructor({ base, identity, language }) {
    super();
    Object.assign(this, { base, identity, language });
    this.storage = new ChatStorage(`warmline ${base}`);
    this.messages = new Map();
    this.sent = new Map(); // accepted, but not yet received back as messages
    this.failed = new Map();
    this.limits = { text: 4000, file_size: 5e6, file_types: [] };
    this.state = "idle";
    this.person = null; // the name of the agent who has the conversation
    this.caughtUp = false;
    this.attempts = this.socketFailures = this.after = 0;
    this.connection = null;
    this.timers = {};
    this.stop = new AbortController();
  }

  get known() {
    return Boolean(this.storage.read().token);
  }

  start() {
    if (this.state !== "idle") return;
    const who = subject(this.identity ?? "");
    const kept = this.storage.read();
    // The next user of this computer must not get the last one's conversation and unsent messages.
    if (kept.who && kept.who !== who) this.storage.update({ token: null, session: null, queue: [], hidden: 0 });
    this.storage.update({ who });
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.stop.signal });
    on(window, "online", () => this.retry());
    on(window, "offline", () => this.connectLater());
    on(document, "visibilitychange", () => document.hidden || this.retry());
    on(window, "storage", (event) => event.key === this.storage.key && this.storageChanged());
    this.connect();
  }

  close() {
    this.stop.abort();
    this.disconnect();
    this.state = "idle";
  }

  // -- sending ----------------------------------------------------------------------------------

  say(text, attachments = []) {
    const item = { id: newId(), text, attachments, at: new Date().toISOString() };
    this.storage.add(item);
    this.changed();
    this.flush();
  }

  retrySending(id) {
    const item = this.failed.get(id);
    this.failed.delete(id);
    this.say(item.text, item.attachments);
  }

  typing() {
    const now = Date.now();
    if (now - (this.lastTyping ?? 0) < TYPING) return;
    this.lastTyping = now;
    this.send({ type: "typing" });
  }

  // What was said before stays with the team; here it is no longer shown.
  beginAnew() {
    this.send({ type: "new" });
  }

  showEarlier() {
    this.storage.update({ hidden: 0 });
    this.changed();
  }

  mailTranscript() {
    this.send({ type: "transcript" });
  }

  // The messages to show, in order.
  get shown() {
    const { hidden } = this.storage.read();
    return [...this.messages.values()].filter(({ id }) => id > hidden).sort((a, b) => a.id - b.id);
  }

  get hidesEarlier() {
    return this.storage.read().hidden > 0;
  }

  // Everything received so far is read.
  read() {
    this.mark("read", (message) => message.status !== "read");
  }

  get pending() {
    const queue = this.storage.read().queue.filter(({ id }) => !this.sent.has(id));
    const each = (status) => (item) => ({ ...item, client: item.id, id: undefined, author: "customer", status });
    return [
      ...[...this.sent.values()].map(each("sent")),
      ...queue.map(each(this.state === "live" ? "sending" : "waiting")),
      ...[...this.failed.values()].map(each("failed")),
    ];
  }

  get unread() {
    const unread = ({ author, status }) => author !== "customer" && status !== "read";
    return this.shown.filter(unread).length;
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
    const headers = { Authorization: `Bearer ${this.storage.read().token}` };
    return fetch(new URL(path, this.base), { ...init, headers });
  }

  // -- the connection ---------------------------------------------------------------------------

  connect() {
    this.disconnect();
    if (navigator.onLine === false) return this.setState("offline");
    this.setState("connecting");
    const hello = () => {
      const { token } = this.storage.read();
      this.send({
        type: "hello",
        after: this.after,
        ...(token && { token }),
        ...(this.identity && { identity: this.identity }),
      });
    };
    // A socket that fails twice in a row may be blocked on the way: try plain requests once.
    this.polling = this.socketFailures >= 2;
    this.socketFailures = this.polling ? 0 : this.socketFailures + 1;
    const connection = (this.polling ? pollConnection : socketConnection)(this.base, {
      opened: hello,
      received: (frame) => this.receive(frame),
      closed: () => this.connection === connection && this.connectLater(),
      after: () => this.after,
      token: () => this.storage.read().token,
    });
    this.connection = connection;
    this.expect("answer");
  }

  retry() {
    if (this.state === "live" || this.state === "refused" || this.state === "idle") return;
    this.attempts = 0;
    this.connect();
  }

  disconnect() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    this.connection?.close();
    this.connection = null;
    this.waitingFor = null;
  }

  // The connection broke: reconnect with exponential back-off. The random part keeps all pages
  // from reconnecting at once.
  connectLater() {
    this.disconnect();
    if (this.state === "refused") return;
    if (navigator.onLine === false) return this.setState("offline");
    this.setState("connecting");
    if (this.attempts === 0 && !this.session) this.explainRefusal();
    const pause = Math.min(MAX_PAUSE, FIRST_PAUSE * 2 ** this.attempts++) * (0.5 + Math.random() / 2);
    this.timers.connect = setTimeout(() => this.connect(), Math.max(pause, this.notBefore ?? 0));
    this.notBefore = 0;
  }

  // A browser does not say why a socket was refused. The owner of the page finds it here.
  async explainRefusal() {
    try {
      const { allowed, origin, fix } = await (await fetch(new URL("embedding", this.base))).json();
      if (!allowed) console.error(`Warmline: pages of ${origin} may not show the chat yet. To allow it, ${fix}.`);
    } catch {
      // no connection at all
    }
  }

  send(frame) {
    this.connection?.send(frame);
  }

  // Expect an answer: without one in time the connection counts as broken.
  expect(name) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(() => this.connectLater(), ANSWER_TIMEOUT);
  }

  arrived(name) {
    clearTimeout(this.timers[name]);
  }

  ping() {
    clearTimeout(this.timers.ping);
    this.timers.ping = setTimeout(() => {
      if (this.polling) return;
      this.send({ type: "ping" });
      this.expect("pong");
      this.ping();
    }, PING);
  }

  // Send one message at a time, in order; the next when the server has accepted this one.
  flush() {
    if (this.state !== "live" || this.waitingFor) return;
    const item = this.storage.read().queue.find(({ id }) => !this.sent.has(id));
    if (!item) return;
    this.waitingFor = item.id;
    const page = location.origin + location.pathname;
    this.send({
      type: "say",
      id: item.id,
      text: item.text,
      attachments: item.attachments.map(({ ref }) => ref),
      language: this.language,
      ...(page.length <= 500 && /^http/.test(page) && { page }),
    });
    this.expect("accepted");
  }

  // -- receiving --------------------------------------------------------------------------------

  receive(frame) {
    this.arrived("pong");
    const handle = {
      ready: this.onReady,
      live: this.onLive,
      accepted: this.onAccepted,
      message: this.onMessage,
      status: this.onStatus,
      typing: (typing) => this.emit("typing", typing),
      person: ({ name }) => this.onPerson(name),
      begun: this.onBegun,
      mailed: ({ to }) => this.emit("mailed", to),
      error: this.onError,
    }[frame.type];
    handle?.call(this, frame);
  }

  onPerson(name) {
    this.person = name ?? null;
    this.changed();
  }

  onBegun({ person }) {
    this.read();
    this.storage.update({ hidden: this.after });
    this.changed();
    this.emit("begun", Boolean(person));
  }

  onReady({ token, session, limits, fresh, person }) {
    this.arrived("answer");
    this.socketFailures = 0;
    if (fresh || this.session !== session) this.forget();
    this.session = session;
    this.person = person ?? null;
    this.storage.update(({ session: before, hidden }) => ({ token, session, hidden: before === session ? hidden : 0 }));
    this.limits = limits;
    this.emit("ready");
    this.expect("live");
  }

  onLive() {
    this.arrived("live");
    this.attempts = 0;
    this.caughtUp = true;
    this.setState("live");
    this.mark("delivered", (message) => UNDELIVERED.includes(message.status));
    this.flush();
    this.ping();
  }

  onAccepted({ id }) {
    const item = this.storage.read().queue.find((queued) => queued.id === id);
    if (item && !this.has(id)) this.sent.set(id, item);
    this.settle(id);
  }

  onMessage(message) {
    this.arrived("live");
    if (this.state !== "live") this.expect("live");
    this.messages.set(message.id, message);
    this.after = Math.max(this.after, message.id);
    if (message.client) {
      this.sent.delete(message.client);
      this.storage.remove(message.client); // accepted, even if `accepted` was lost
      if (this.waitingFor === message.client) this.settle(message.client);
    }
    this.changed(message);
    if (this.state === "live") this.mark("delivered", (message) => UNDELIVERED.includes(message.status));
  }

  onStatus({ id, status }) {
    const message = this.messages.get(id);
    if (!message) return;
    this.messages.set(id, { ...message, status });
    this.changed();
  }

  onError({ code, id, retry_after: pause }) {
    if (code === "no_address" || (code === "too_many" && !id && this.state === "live")) {
      this.emit("refusal", code);
    } else if (code === "bad_session") {
      this.storage.update({ token: null, session: null });
    } else if (code === "bad_identity") {
      this.disconnect();
      this.setState("refused");
      this.emit("identity");
    } else if (id && pause) {
      this.arrived("accepted");
      this.timers.retry = setTimeout(() => {
        this.waitingFor = null;
        this.flush();
      }, pause * 1000);
    } else if (id) {
      const item = this.storage.read().queue.find((queued) => queued.id === id);
      if (item) this.failed.set(id, item);
      this.settle(id);
    } else if (pause) {
      this.notBefore = pause * 1000;
    }
  }

  // -- state ------------------------------------------------------------------------------------

  forget() {
    this.messages.clear();
    this.sent.clear();
    this.after = 0;
  }

  has(client) {
    return [...this.messages.values()].some((message) => message.client === client);
  }

  settle(id) {
    this.arrived("accepted");
    this.storage.remove(id);
    this.waitingFor = null;
    this.changed();
    this.flush();
  }

  mark(type, wanted) {
    if (this.state !== "live") return;
    const marked = [...this.messages.values()].filter((message) => message.author !== "customer" && wanted(message));
    if (!marked.length) return;
    for (let first = 0; first < marked.length; first += 200) {
      this.send({ type, ids: marked.slice(first, first + 200).map(({ id }) => id) });
    }
    for (const message of marked) this.messages.set(message.id, { ...message, status: type });
    this.changed();
  }

  // Another tab has sent something, or has started a new session.
  storageChanged() {
    const { session } = this.storage.read();
    if (this.session && session && session !== this.session) {
      this.forget();
      return this.connect();
    }
    this.changed();
    this.flush();
  }

  setState(state) {
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
