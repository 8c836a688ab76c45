// <warmline-chat server="https://..." lang="de" title="..." token="..." open></warmline-chat>

import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { Log } from "./log.js";
import { textsFor } from "./texts.js";

const LOOK = {}; // filled in by the server
const PHONE = matchMedia("(max-width: 480px)");
const DARK = matchMedia("(prefers-color-scheme: dark)");
const style = new CSSStyleSheet();
const styled = loadStyle();

class WarmlineChat extends HTMLElement {
  static observedAttributes = ["data-theme", "lang", "open", "server", "site", "title", "token"];
  wanted = []; // questions of the page that are asked as soon as there is a chat

  async connectedCallback() {
    this.root ??= this.attachShadow({ mode: "open" });
    this.root.adoptedStyleSheets = [style];
    await styled;
    if (this.isConnected && !this.begun) this.begin();
  }

  disconnectedCallback() {
    this.end();
  }

  attributeChangedCallback(name, before, now) {
    if (!this.begun || before === now) return;
    if (name === "open") return this.client && this.show(this.hasAttribute("open"));
    if (name === "data-theme") return this.client && this.colour();
    this.end();
    this.begin();
  }

  get open() {
    return this.hasAttribute("open");
  }

  set open(wanted) {
    this.toggleAttribute("open", Boolean(wanted));
  }

  // Opens the chat and says this for the customer, as if they had typed it.
  ask(question) {
    this.open = true;
    if (this.client) this.log.answer(question);
    else this.wanted.push(question); // the texts are on their way
  }

  get base() {
    const server = this.getAttribute("server");
    // This module is at <base>assets/<version>/.
    const site = this.getAttribute("site");
    const path = site ? `/channels/webchat/sites/${encodeURIComponent(site)}/` : "/channels/webchat/";
    return server ? new URL(path, new URL(server, location)).href : new URL("../../", import.meta.url).href;
  }

  async begin() {
    const begun = (this.begun = {});
    const texts = await textsFor(this.closest("[lang]")?.lang || navigator.language);
    if (this.begun !== begun) return; // it ended meanwhile, or began again
    this.texts = texts;
    this.client = new Client({ base: this.base, identity: this.getAttribute("token"), language: this.texts.language });
    this.draw();
    this.listen();
    const wanted = this.wanted.splice(0);
    if (this.open) this.show(true);
    else if (this.client.known || wanted.length) this.client.start(); // an answer may be waiting
    for (const question of wanted) this.log.answer(question);
  }

  end() {
    this.begun = null;
    if (!this.client) return;
    this.stop.abort();
    this.client.close();
    this.client = null;
    this.root.replaceChildren();
  }

  draw() {
    const { say, lang, dir } = this.texts;
    const { client, texts } = this;
    const title = this.getAttribute("title") || LOOK.title || say("title");
    const starters = LOOK.starters?.[lang] ?? [];
    this.log = new Log({ texts, client, starters, onDownload: (file) => this.save(file) });
    this.composer = new Composer({ texts, client });
    this.badge = h("span", { class: "badge", hidden: true });
    const toggle = { class: "launcher", type: "button", "aria-haspopup": "dialog", onclick: () => (this.open = !this.open) };
    this.launcher = h("button", toggle, icon("chat"), icon("down"), this.badge);
    this.heading = h("h2", { id: "title", tabindex: "-1" }, title);
    this.presence = h("p", { class: "presence" });
    this.banner = h("p", { class: "banner", role: "status" });
    const shut = { class: "shut", type: "button", "aria-label": say("close"), onclick: () => (this.open = false) };
    const header = h(
      "header",
      {},
      (this.mark = h("span", { class: "mark" }, icon("chat"))),
      h("div", {}, this.heading, this.presence),
      this.menu(),
      h("button", shut, icon("close")),
    );
    this.panel = h("dialog", { "aria-labelledby": "title" }, header, this.banner, this.log.node, this.composer.node);
    // An empty title: else the browser shows the element's title as a tooltip over the whole chat.
    this.frame = h("div", { class: "warmline", lang, dir, title: "" }, this.launcher, this.panel);
    this.root.replaceChildren(this.frame);
    this.colour();
    this.name();
    this.logo();
  }

  menu() {
    const { say } = this.texts;
    const act = (key, doIt) => {
      const done = () => {
        this.more.open = false;
        this.more.firstChild.focus();
        doIt();
      };
      return h("button", { type: "button", onclick: done }, say(key));
    };
    this.more = h(
      "details",
      { class: "more" },
      h("summary", { "aria-label": say("more") }, icon("more")),
      h(
        "div",
        {},
        act("newChat", () => this.client.beginAnew()),
        act("saveTranscript", () => this.saveTranscript()),
        act("mailTranscript", () => this.client.mailTranscript()),
      ),
    );
    return this.more;
  }

  // The theme of the page: what it says on this element or on <html>, its color-scheme, or the
  // visitor's own choice.
  colour() {
    const page = document.documentElement;
    const said = [this.dataset.theme, page.dataset.theme, getComputedStyle(page).colorScheme];
    const theme = said.find((each) => each === "dark" || each === "light");
    this.frame.dataset.theme = theme ?? (DARK.matches ? "dark" : "light");
  }

  async logo() {
    if (!LOOK.logo) return;
    const image = h("img", { alt: "" });
    const mark = this.mark;
    try {
      const own = !LOOK.logo.includes("://");
      // Ours comes as data: the page's policy need not name us as a source of images.
      image.src = own ? URL.createObjectURL(await (await fetch(new URL(LOOK.logo, this.base))).blob()) : LOOK.logo;
      await image.decode();
      mark.replaceChildren(image);
      mark.classList.add("logo");
      if (own) URL.revokeObjectURL(image.src);
    } catch {
      // The drawn mark stays.
    }
  }

  listen() {
    this.stop = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.stop.signal });
    const { client, log, composer, panel } = this;
    log.onAnswered = () => composer.focus();
    composer.onSent = () => {
      log.toEnd();
      this.connection(); // what the banner told is over
    };
    composer.onFit = () => log.stuck && log.toEnd();
    on(client, "change", ({ detail }) => this.changed(detail));
    on(client, "ready", () => composer.configure(client.limits));
    on(client, "state", () => this.connection());
    on(client, "typing", ({ detail }) => log.typing(detail));
    on(client, "begun", ({ detail: person }) => {
      this.tell(person ? "stillOpen" : "begun");
      composer.focus();
    });
    on(client, "mailed", ({ detail: to }) => this.tell("mailed", { to }));
    on(client, "refusal", ({ detail: code }) => this.tell(code === "no_address" ? "noAddress" : "tooMany"));
    on(DARK, "change", () => this.colour());
    const watcher = new MutationObserver(() => this.colour());
    watcher.observe(document.documentElement, { attributes: true });
    this.stop.signal.addEventListener("abort", () => watcher.disconnect());
    on(this.more, "focusout", ({ relatedTarget }) => {
      if (relatedTarget && !this.more.contains(relatedTarget)) this.more.open = false;
    });
    on(client, "identity", () => this.dispatchEvent(new CustomEvent("warmline-identity", { bubbles: true })));
    on(panel, "keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      if (this.more.open) {
        this.more.open = false;
        return this.more.firstChild.focus();
      }
      this.open = false;
    });
    on(panel, "cancel", (event) => {
      event.preventDefault();
      this.open = false;
    });
    on(panel, "dragover", (event) => event.preventDefault());
    on(panel, "drop", (event) => {
      event.preventDefault();
      composer.addFiles(event.dataTransfer.files);
    });
    on(log.node, "scroll", () => this.seen());
    on(document, "visibilitychange", () => this.seen());
    on(PHONE, "change", () => this.panel.open && this.place());
  }

  show(wanted) {
    if (wanted === this.panel.open) return;
    if (wanted) {
      this.client.start();
      this.place();
      this.log.render();
      this.log.toEnd();
      // On a phone the keyboard would cover half of the conversation.
      if (matchMedia("(pointer: coarse)").matches) this.heading.focus();
      else this.composer.focus();
      this.composer.fit();
      this.seen();
    } else {
      const inside = this.root.activeElement;
      this.panel.close();
      if (inside) this.launcher.focus();
    }
    this.name();
  }

  // A panel beside the page; on a phone, modal over the whole screen.
  place() {
    if (this.panel.open) this.panel.close();
    if (PHONE.matches) this.panel.showModal();
    else this.panel.show();
  }

  name() {
    const { say } = this.texts;
    const count = this.client.unread;
    const label = [say(this.open ? "close" : "open"), count && !this.open && say("unread", { n: count })];
    this.launcher.setAttribute("aria-label", label.filter(Boolean).join(". "));
    this.launcher.setAttribute("aria-expanded", String(this.panel.open));
    this.badge.textContent = count > 9 ? "9+" : String(count);
    this.badge.hidden = !count || this.panel.open;
    const last = this.client.shown.findLast((message) => message.author !== "customer");
    const name = this.client.person ?? (last?.author === "agent" ? this.log.name(last) : null);
    this.presence.textContent = name ? say("withPerson", { name }) : say("withBot");
    this.presence.classList.toggle("person", Boolean(name));
  }

  changed(message) {
    if (message && message.author !== "customer") this.log.typing(null);
    if (this.panel.open) this.log.render();
    this.seen();
    this.name();
  }

  connection() {
    const { state, caughtUp, attempts } = this.client;
    const problem = state === "offline" || state === "refused" || (state === "connecting" && (caughtUp || attempts > 1));
    const text = problem ? this.texts.say(state) : "";
    if (this.banner.textContent !== text) this.banner.textContent = text;
  }

  // A line at the top, until something else is to be said there.
  tell(key, values) {
    this.banner.textContent = this.texts.say(key, values);
  }

  seen() {
    if (this.panel.open && !document.hidden && this.log.atEnd && this.client.unread) this.client.read();
  }

  saveTranscript() {
    const { client, log, texts } = this;
    const lines = client.shown.map((message) => {
      const files = (message.attachments ?? []).map(({ name }) => `\n[${name}]`).join("");
      return `${texts.moment(message.at)}  ${log.name(message)}:\n${message.text}${files}`;
    });
    const url = URL.createObjectURL(new Blob([lines.join("\n\n")], { type: "text/plain;charset=utf-8" }));
    h("a", { href: url, download: "chat.txt" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  async save(file) {
    const { say, size } = this.texts;
    try {
      const url = URL.createObjectURL(await this.client.download(file.ref));
      h("a", { href: url, download: file.name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch {
      this.banner.textContent = `${say("download", { name: file.name })} (${size(file.size)}): ${say("again")}`;
    }
  }
}

// The style sheet, constructed: no inline style, no leaks in or out, no flash of unstyled content.
async function loadStyle() {
  for (let pause = 500; ; pause = Math.min(pause * 2, 30_000)) {
    try {
      const answer = await fetch(new URL("chat.css", import.meta.url));
      if (answer.ok) return style.replace(await answer.text());
    } catch {
      // Offline: try again.
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

customElements.define("warmline-chat", WarmlineChat);
