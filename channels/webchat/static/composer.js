// The composer: a text field, and files that are uploaded as soon as they are chosen.

import { h, icon } from "./dom.js";

export class Composer {
  constructor({ texts, client }) {
    Object.assign(this, { texts, client });
    const { say } = texts;
    this.files = new Map(); // chip -> {stop, attached?}
    this.text = h("textarea", {
      rows: "1",
      dir: "auto",
      placeholder: say("write"),
      "aria-label": say("write"),
      "aria-describedby": "hint",
      oninput: () => this.typed(),
      onkeydown: (event) => this.key(event),
      onpaste: (event) => this.addFiles(event.clipboardData.files) && event.preventDefault(),
    });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => this.picked() });
    this.sendButton = h("button", { class: "send", type: "submit", "aria-label": say("send") }, icon("send"));
    this.chips = h("div", { class: "chips", hidden: true });
    this.problem = h("p", { class: "problem", role: "alert" });
    const attach = { class: "attach", type: "button", "aria-label": say("attach"), onclick: () => this.picker.click() };
    this.node = h(
      "form",
      { class: "composer", onsubmit: (event) => this.send(event) },
      this.problem,
      this.chips,
      h("div", { class: "field" }, h("button", attach, icon("clip")), this.picker, this.text, this.sendButton),
      h("p", { class: "unseen", id: "hint" }, say("hint")),
    );
    this.fit();
  }

  configure({ text, file_types: types }) {
    this.text.maxLength = text;
    this.picker.accept = types.join(",");
  }

  focus() {
    this.text.focus();
  }

  typed() {
    this.fit();
    this.client.typing();
  }

  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 132)}px`;
    this.onFit?.();
    const files = [...this.files.values()];
    this.sendButton.disabled = !(this.text.value.trim() || files.length) || files.some((file) => !file.attached);
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.send();
  }

  send(event) {
    event?.preventDefault();
    if (this.sendButton.disabled) return;
    this.client.say(this.text.value.trim(), [...this.files.values()].map((file) => file.attached));
    this.text.value = "";
    this.files.clear();
    this.problem.textContent = "";
    this.showFiles();
    this.focus();
    this.onSent?.();
  }

  picked() {
    this.addFiles(this.picker.files);
    this.picker.value = "";
  }

  addFiles(files) {
    for (const file of files) this.add(file);
    return files.length;
  }

  async add(file) {
    const { say, size } = this.texts;
    const { file_size: limit } = this.client.limits;
    this.problem.textContent = "";
    if (file.size > limit) return this.showProblem("tooLarge", file, size(limit));
    const entry = { stop: new AbortController() };
    const remove = () => {
      entry.stop.abort();
      this.files.delete(chip);
      this.showFiles();
      this.focus();
    };
    const chip = h(
      "span",
      { class: "chip busy" },
      icon("file"),
      h("span", { dir: "auto" }, file.name),
      h("span", { class: "unseen", role: "status" }, say("uploading")),
      h("button", { type: "button", "aria-label": say("remove", { name: file.name }), onclick: remove }, icon("close")),
    );
    this.files.set(chip, entry);
    this.showFiles();
    try {
      entry.attached = await this.client.upload(file, entry.stop.signal);
      chip.classList.remove("busy");
      chip.querySelector(".unseen").textContent = "";
    } catch (error) {
      this.files.delete(chip);
      const reason = { too_large: "tooLarge", wrong_type: "wrongType" }[error.code] ?? "uploadFailed";
      if (error.name !== "AbortError") this.showProblem(reason, file, size(limit));
    }
    this.showFiles();
  }

  showProblem(reason, { name }, size) {
    this.problem.textContent = this.texts.say(reason, { name, size });
  }

  showFiles() {
    this.chips.replaceChildren(...this.files.keys());
    this.chips.hidden = !this.files.size;
    this.fit();
  }
}
