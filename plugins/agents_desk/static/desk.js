// Joins the parts of the page. Without scripts every form still works by itself.

import { watchAdvice } from "./advice.js";
import { forget, keepDrafts, restore } from "./drafts.js";
import { watchKeys } from "./keys.js";
import { follow } from "./live.js";
import { remember, swap } from "./swap.js";
import { keepTime } from "./times.js";
import { load, say } from "./wire.js";

const history_ = document.getElementById("history");
let deeds = 0;

document.documentElement.classList.add("script");
remember();
restore();
keepTime();
keepDrafts();
watchAdvice();
watchKeys();
if (history_) stayAtEnd();

follow(refresh);
document.addEventListener("submit", act);
document.addEventListener("click", edit);
document.addEventListener("click", (event) => closeMenus(event.target));

/** Fetch this page again and show what is different. A draft stays as it is. What was fetched
 * before a deed was done is older than what the deed showed, and is not shown. */
async function refresh() {
  const before = deeds;
  const page = await load(location.pathname + location.search);
  if (!page) return;
  if (before === deeds) show(page.document, false);
  else await refresh();
}

async function act(event) {
  const form = event.target;
  if (!form.matches("form[data-act]") || event.submitter?.formAction.endsWith("/advice")) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  deeds += 1;
  const by = event.submitter;
  const action = by?.hasAttribute("formaction") ? by.formAction : form.action;
  const page = await load(action, new URLSearchParams(new FormData(form)));
  deeds += 1;
  form.removeAttribute("aria-busy");
  if (!page) return;
  if (page.done) {
    const fields = new FormData(form);
    if (form.dataset.clears) forget(form.dataset.clears);
    // What stood in the box was the suggestion, and it has been sent as it is.
    if (fields.get("key")?.startsWith("suggestion-")) forgetIfSame(fields.get("text"));
    // It went on in another conversation: that one is opened.
    if (new URL(page.url).pathname !== location.pathname) { location.assign(page.url); return; }
    history.replaceState(null, "", page.url);
    if (form.hasAttribute("data-keep")) form.reset();
    const said = by?.dataset.said ?? form.dataset.said;
    if (said) say(said);
  } else if (form.closest(".card:target")) {
    location.hash = "told"; // On a small screen the card covers what is said about it.
  }
  closeMenus();
  show(page.document, true);
  if (page.done) toEnd();
  const box = form.dataset.then ?? form.dataset.clears;
  if (page.done && box) document.getElementById(box)?.focus();
}

function forgetIfSame(text) {
  if (document.getElementById("answer")?.value === text) forget("answer");
}

function edit(event) {
  const link = event.target.closest("#suggest-edit");
  const box = document.getElementById("answer");
  if (!link || !box || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const draft = link.closest("section").querySelector("textarea").value;
  document.getElementById("mode-answer").checked = true;
  box.value = box.value.trim() && box.value !== draft ? `${box.value.trimEnd()}\n\n${draft}` : draft;
  document.getElementById("answer-suggestion").value = link.dataset.suggestion;
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function closeMenus(but = null) {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(but)) menu.open = false;
  }
}

function show(page, composer) {
  const low = history_ && nearEnd();
  const fresh = swap(page, composer);
  document.title = page.title;
  restore();
  if (low) toEnd();
  for (const message of fresh) {
    if (message.dataset.author !== "customer") continue;
    message.classList.add("fresh");
    const words = message.querySelector(".text").textContent;
    say(`New message from ${message.dataset.name}: ${words}`);
  }
}

/** While someone reads the newest message, it stays in sight whatever else takes room. */
function stayAtEnd() {
  let low = !location.hash;
  history_.addEventListener("scroll", () => { low = nearEnd(); });
  new ResizeObserver(() => { if (low) toEnd(); }).observe(history_);
  if (low) toEnd();
}

function nearEnd() {
  return history_.scrollHeight - history_.scrollTop - history_.clientHeight < 60;
}

function toEnd() {
  if (history_) history_.scrollTop = history_.scrollHeight;
}
