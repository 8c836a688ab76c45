// The conversation on the screen. Rows are added and moved, never created again: a screen reader
// announces each one once, and nothing jumps.

import { h, icon, linked } from "./dom.js";

const GROUP = 5 * 60_000; // milliseconds within which messages of one author form a group

export class Log {
  constructor({ texts, client, onDownload }) {
    Object.assign(this, { texts, client, onDownload });
    const { say } = texts;
    this.rows = new Map();
    this.list = h("div", { class: "rows", role: "log", "aria-label": say("log"), "aria-busy": "true" });
    this.dots = h("div", { class: "typing", hidden: true }, h("i"), h("i"), h("i"));
    this.node = h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": say("log") },
      h("div", { class: "intro" }, h("p", { class: "hello" }, say("hello")), h("p", {}, say("intro"))),
      this.list,
      this.dots,
    );
    // Stay at the end, even while the field below grows.
    this.stuck = true;
    this.node.addEventListener("scroll", () => (this.stuck = this.atEnd));
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.node);
  }

  get atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
  }

  render() {
    const follow = this.atEnd;
    const items = this.items();
    const keys = new Set(items.map((item) => item.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    let next = this.list.firstChild;
    for (const item of items) {
      let row = this.rows.get(item.key);
      if (!row) {
        row = item.make();
        this.rows.set(item.key, row);
      }
      item.update?.(row);
      if (row === next) next = next.nextSibling;
      else this.list.insertBefore(row, next);
    }
    this.list.setAttribute("aria-busy", String(!this.client.caughtUp));
    if (follow) this.toEnd();
  }

  typing(frame) {
    clearTimeout(this.typingEnds);
    const follow = this.atEnd;
    this.dots.hidden = !frame;
    if (!frame) return;
    const name = frame.name ?? this.texts.say(frame.author === "agent" ? "team" : "bot");
    this.dots.setAttribute("aria-label", this.texts.say("typing", { name }));
    this.dots.setAttribute("role", "img");
    this.typingEnds = setTimeout(() => this.typing(null), 6000);
    if (follow) this.toEnd();
  }

  name(message) {
    const { say } = this.texts;
    return message.author === "agent" ? (message.name ?? say("team")) : say(message.author === "bot" ? "bot" : "you");
  }

  items() {
    const { client, texts } = this;
    const messages = [...client.messages.values()].sort((a, b) => a.id - b.id);
    const all = [...messages, ...client.pending];
    const seen = messages.findLast((message) => message.author === "agent")?.id ?? 0;
    const items = [];
    let speaker = null;
    let day = null;
    all.forEach((message, index) => {
      const before = all[index - 1];
      const after = all[index + 1];
      const today = texts.day(message.at);
      if (today !== day) {
        day = today;
        items.push({ key: `d${today}`, make: () => h("p", { class: "note day" }, today) });
      }
      if (message.author !== "customer") {
        const name = this.name(message);
        if (message.author === "agent" && speaker !== name) {
          const key = `j${message.id}`;
          items.push({ key, make: () => h("p", { class: "note" }, texts.say("joined", { name })) });
        }
        speaker = name;
      }
      const last = !after || !together(message, after);
      items.push({
        key: message.client ? `c${message.client}` : `m${message.id}`,
        make: () => this.row(message, messages.slice(0, index)),
        update: (row) => {
          row.classList.toggle("first", !before || !together(before, message));
          row.classList.toggle("last", last || message.status === "failed");
          row.classList.toggle("waits", ["waiting", "failed"].includes(message.status));
          this.state(row, message, seen);
          this.extras(row, message, index === all.length - 1);
        },
      });
    });
    return items;
  }

  row(message, earlier) {
    const { texts } = this;
    const name = this.name(message);
    const bubble = h("div", { class: "bubble" });
    const rating = rated(message, earlier);
    if (rating) {
      const stars = h("span", { class: "rated", role: "img", "aria-label": texts.say("stars", { n: rating }) });
      for (let n = 1; n <= 5; n += 1) stars.append(h("span", { class: n <= rating ? "on" : "" }, icon("star")));
      bubble.append(stars);
    } else if (message.text) {
      const text = titled(message, earlier);
      bubble.append(h("p", { dir: "auto" }, linked(text, texts.say("newTab"))));
    }
    for (const file of message.attachments ?? []) bubble.append(this.file(file));
    const label =
      message.author === "customer"
        ? h("span", { class: "unseen" }, `${name}: `)
        : h("span", { class: "who" }, name, message.author === "bot" && h("b", {}, texts.say("automated")));
    const face = message.author === "agent" && h("span", { class: "face", "aria-hidden": "true" }, initial(name));
    const body = h("div", { class: "body" }, label, bubble, h("div", { class: "meta" }));
    return h("div", { class: `row ${message.author}` }, face, body);
  }

  file(file) {
    const { say, size } = this.texts;
    const open = () => this.onDownload(file);
    return h(
      "button",
      { class: "file", type: "button", "aria-label": say("download", { name: file.name }), onclick: open },
      icon("file"),
      h("span", { dir: "auto" }, file.name),
      h("small", {}, size(file.size)),
    );
  }

  state(row, message, seen) {
    const { say, time } = this.texts;
    const mine = message.author === "customer";
    let state = message.status;
    if (mine && message.id) state = message.id < seen || state === "read" ? "seen" : "sent";
    const text = [time(message.at), mine && say(state)].filter(Boolean).join(" · ");
    const meta = row.querySelector(".meta");
    if (meta.dataset.state === text) return;
    meta.dataset.state = text;
    const again = () => this.client.retrySending(message.client);
    meta.replaceChildren(
      h("time", { datetime: message.at }, text),
      ...(state === "failed" ? [h("button", { class: "again", type: "button", onclick: again }, say("again"))] : []),
    );
  }

  // Only the last message shows its quick replies and survey; an answer removes them.
  extras(row, message, last) {
    const wanted = last && message.author !== "customer" && (message.buttons?.length || message.survey);
    const present = row.querySelector(".extras");
    if (!wanted) return present?.remove();
    if (present) return;
    const { survey } = message;
    const extras = h("div", { class: "extras" });
    if (message.buttons?.length) extras.append(this.buttons(message.buttons));
    if (survey && survey.scale !== "text") extras.append(this.survey(message, survey.scale === "number"));
    row.querySelector(".body").append(extras);
  }

  buttons(buttons) {
    const group = h("div", { class: "choices", role: "group", "aria-label": this.texts.say("choices") });
    for (const { title, payload } of buttons) {
      group.append(h("button", { type: "button", dir: "auto", onclick: () => this.answer(payload) }, title));
    }
    return group;
  }

  survey(message, numbers) {
    const { say } = this.texts;
    const labels = [];
    const send = h("button", { class: "rate", type: "submit", disabled: true }, say("rate"));
    let chosen = 0;
    for (let n = 1; n <= 5; n += 1) {
      const choose = () => {
        chosen = n;
        send.disabled = false;
        labels.forEach((label, index) => label.classList.toggle("on", numbers ? index + 1 === n : index < n));
      };
      const radio = h("input", {
        type: "radio",
        name: `rating-${message.id}`,
        value: n,
        "aria-label": say("stars", { n }),
        onchange: choose,
      });
      labels.push(h("label", {}, radio, numbers ? h("span", {}, String(n)) : icon("star")));
    }
    const submit = (event) => {
      event.preventDefault();
      if (chosen) this.answer(String(chosen));
    };
    const group = { role: "radiogroup", "aria-label": say("rating"), class: numbers ? "numbers" : "stars" };
    return h("form", { class: "survey", onsubmit: submit }, h("div", group, ...labels), send);
  }

  answer(text) {
    this.client.say(text);
    this.toEnd();
    this.onAnswered?.();
  }
}

function together(a, b) {
  return a.author === b.author && a.name === b.name && Math.abs(new Date(b.at) - new Date(a.at)) < GROUP;
}

function initial(name) {
  return [...name][0]?.toUpperCase() ?? "";
}

// A chosen quick reply comes back as its payload; show the title that the customer chose.
function titled(message, earlier) {
  if (message.author !== "customer") return message.text;
  const buttons = earlier.findLast((previous) => previous.author !== "customer")?.buttons ?? [];
  return buttons.find((button) => button.payload === message.text)?.title ?? message.text;
}

function rated(message, earlier) {
  const asked = earlier.at(-1)?.survey;
  const answers = message.author === "customer" && asked?.scale === "stars" && /^[1-5]$/.test(message.text);
  return answers ? Number(message.text) : 0;
}
