// The palette: every command and view of this page by name. It offers what carries `data-palette`
// (links, buttons, summaries, labels), so a page needs no more than that attribute.

import { openMenu } from "./menus.js";
import { pick } from "./picker.js";

const button = document.getElementById("palette-open");
if (button) {
  button.hidden = false;
  button.addEventListener("click", open);
}
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  if (document.querySelector("dialog[open]")) return;
  open();
});

async function open() {
  const items = [...commands(), ...await recent()];
  pick({ label: "Commands", placeholder: "Type a command or a name", items, empty: "No command has this name." });
}

function commands() {
  const found = new Map();
  // What can be done here comes before the ways to other pages.
  const here = document.querySelectorAll("main [data-palette], aside [data-palette]");
  for (const element of [...here, ...document.querySelectorAll("[data-palette]")]) {
    const title = element.dataset.palette;
    if (found.has(title) || !usable(element)) continue;
    found.set(title, { title, note: element.querySelector("kbd")?.textContent ?? "", run: () => run(element) });
  }
  return [...found.values()];
}

/** Not what the page hides for good; a closed menu is opened. */
function usable(element) {
  return !element.disabled && !element.closest("[hidden]");
}

function run(element) {
  for (let menu = element.closest("details"); menu; menu = menu.parentElement.closest("details")) menu.open = true;
  if (element.matches("form")) { element.requestSubmit(); return; }
  if (element.matches("summary")) {
    openMenu(element.parentElement);
    return;
  }
  // Not in this event: the click may move the focus, which the closing dialog has just given back.
  setTimeout(() => {
    element.click();
    if (element.matches("label[for^=mode-]")) document.getElementById(element.htmlFor.replace("mode-", ""))?.focus();
    else if (element.matches("input, textarea, select")) element.focus();
  });
}

async function recent() {
  try {
    const response = await fetch("/desk/recent", { headers: { Accept: "application/json", "X-Desk-Live": "1" } });
    if (!response.ok) return [];
    const here = document.body.dataset.conversation;
    return (await response.json())
      .filter(({ conversation }) => String(conversation) !== here)
      .map(({ conversation, name, note }) => ({ title: name, note, run: () => location.assign(`/desk/c/${conversation}`) }));
  } catch {
    return [];
  }
}
