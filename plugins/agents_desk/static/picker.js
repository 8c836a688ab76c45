// A list to choose from: a text box that filters, arrow keys, Enter. The pattern is the combobox with
// a listbox (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/) in a modal dialog, which traps the
// focus and gives it back.

const MOST = 60;
let dialog = null;

/** Let the person choose one of `items`, {title, detail, note, words, run}. `empty` is shown when
 * nothing fits. Resolves when the list is closed. */
export function pick({ label, placeholder, items, empty }) {
  dialog?.close();
  const input = make("input", { id: "picker-input", type: "text", role: "combobox", "aria-label": label, "aria-controls": "picker-list", "aria-autocomplete": "list", "aria-expanded": "true", autocomplete: "off", spellcheck: "false", placeholder });
  const list = make("ul", { id: "picker-list", role: "listbox", "aria-label": label });
  const nothing = make("p", { class: "empty", role: "status" });
  dialog = make("dialog", { class: "picker", "aria-label": label });
  dialog.append(input, list, nothing);
  const box = dialog;
  let shown = [];
  let at = 0;

  function filter() {
    shown = matching(items, input.value).slice(0, MOST);
    list.replaceChildren(...shown.map(option));
    list.hidden = shown.length === 0;
    input.setAttribute("aria-expanded", String(shown.length > 0));
    nothing.textContent = shown.length ? "" : empty;
    nothing.hidden = shown.length > 0;
    select(0);
  }
  function select(index) {
    at = Math.max(0, Math.min(index, shown.length - 1));
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    const active = list.children[at];
    if (active) input.setAttribute("aria-activedescendant", active.id);
    else input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }
  function choose(index) {
    const item = shown[index];
    if (!item) return;
    box.close();
    item.run();
  }
  function option(item, index) {
    const element = make("li", { id: `picker-${index}`, role: "option", "aria-selected": "false" });
    const line = make("span", { class: "line" });
    line.append(make("b", {}, item.title), make("span", { class: "note" }, item.note ?? ""));
    element.append(line);
    if (item.detail) element.append(make("span", { class: "detail", dir: "auto" }, item.detail));
    element.addEventListener("click", () => choose(index));
    return element;
  }

  input.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    event.stopPropagation();
    if (event.key in steps) { event.preventDefault(); select(at + steps[event.key]); }
    else if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); choose(at); }
    else if (event.key === "Tab") event.preventDefault();
  });
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  document.body.append(box);
  filter();
  box.showModal();
  input.focus();
  return new Promise((resolve) => {
    box.addEventListener("close", () => {
      const back = document.activeElement;
      box.remove();
      if (dialog === box) dialog = null;
      // Chromium gives the focus back, but not always the caret: what is typed would be lost.
      back?.blur();
      back?.focus();
      resolve();
    });
  });
}

/** The items that have all letters of `text` in order, the closest match first. */
export function matching(items, text) {
  const wanted = plain(text).trim();
  if (!wanted) return items;
  const found = [];
  for (const item of items) {
    const score = Math.max(closeness(plain(item.title), wanted), closeness(plain(item.words ?? ""), wanted) - 40);
    if (score > -Infinity) found.push({ item, score });
  }
  return found.sort((one, other) => other.score - one.score).map(({ item }) => item);
}

/** Letters in one run and at the beginning of words count most. */
function closeness(text, wanted) {
  const at = text.indexOf(wanted);
  if (text === wanted) return 200;
  if (at >= 0) return 100 - at + (at === 0 || !/\w/.test(text[at - 1]) ? 50 : 0);
  if (text.length > 200) return -Infinity;
  let score = 0;
  let from = 0;
  for (const letter of wanted.replaceAll(" ", "")) {
    const next = text.indexOf(letter, from);
    if (next < 0) return -Infinity;
    score += next === 0 || !/\w/.test(text[next - 1]) ? 3 : -(next - from);
    from = next + 1;
  }
  return score;
}

function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function make(name, attributes, text = "") {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}
