// Keyboard shortcuts. Single letters work only outside text fields, and can be switched off
// (WCAG 2.1.4).

import { openMenu } from "./menus.js";

const OFF = "single-keys-off";
const SHORTCUTS = {
  j: () => move(1),
  k: () => move(-1),
  c: () => document.getElementById("claim")?.click(),
  r: () => write("answer"),
  n: () => write("note"),
  e: () => document.getElementById("suggest-edit")?.click(),
  l: () => openMenu(document.getElementById("label-menu")),
  z: () => openMenu(document.getElementById("snooze-menu")),
  t: () => openMenu(document.getElementById("remind-menu")),
  u: () => document.getElementById("take-back")?.click(),
  "/": () => document.getElementById("find")?.focus(),
  "?": help,
};

export function watchKeys() {
  document.addEventListener("keydown", pressed);
  const button = document.getElementById("help-open");
  button.hidden = false;
  button.addEventListener("click", help);
  const box = document.getElementById("single-keys");
  box.checked = !localStorage.getItem(OFF);
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
}

function pressed(event) {
  const { target, key } = event;
  if (target.matches("textarea, input:not([type=radio], [type=checkbox]), select")) {
    if (key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("textarea")) {
      event.preventDefault();
      target.form.requestSubmit();
    } else if (key === "Escape") {
      target.blur();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  // In a menu, letters are meant for it: `r` in the name of a label must not begin an answer.
  if (target.closest("details.menu[open]")) return;
  if (localStorage.getItem(OFF) || !Object.hasOwn(SHORTCUTS, key)) return;
  event.preventDefault();
  SHORTCUTS[key]();
}

function move(step) {
  const rows = [...document.querySelectorAll(".list-rows .listed")];
  const items = rows.length ? rows : [...document.querySelectorAll(".queue .item")];
  const focused = document.activeElement.closest?.(".list-row")?.querySelector(".listed") ?? document.activeElement;
  const current = items.find((item) => item === focused) ?? items.find((item) => item.hasAttribute("aria-current"));
  const index = items.indexOf(current);
  const next = index < 0 ? (step > 0 ? 0 : items.length - 1) : index + step;
  items[Math.max(0, Math.min(next, items.length - 1))]?.focus();
}

function write(id) {
  const box = document.getElementById(id);
  if (!box) return;
  const mode = document.getElementById(`mode-${id}`);
  if (mode) mode.checked = true;
  const details = box.closest("details");
  if (details) details.open = true;
  box.focus();
}

function help() {
  document.getElementById("help").showModal();
}
