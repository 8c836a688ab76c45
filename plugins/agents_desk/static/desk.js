// Connects the parts of the page. Without scripts every form works as a plain form.

import { watchAdvice } from "./advice.js";
import { watchAlerts } from "./alerts.js";
import { forget, keepDrafts, restore } from "./drafts.js";
import { watchKeys } from "./keys.js";
import { follow } from "./live.js";
import { closeMenus } from "./menus.js";
import { remember, update } from "./update.js";
import { keepTime } from "./times.js";
import { announce, load } from "./fetch.js";
import { watchStanding } from "./staff.js";
import { selectPlaceholder, watchComposer } from "./composing.js";
import { watchPresence } from "./presence.js";

const messageLog = document.getElementById("history");
let actionCount = 0;
let latest = null;
const LIST_INTERVAL = 10000;
let listFetched = Date.now();

document.documentElement.classList.add("script");
remember();
restore();
keepTime();
keepDrafts();
watchAdvice();
watchKeys();
watchAlerts();
watchStanding();
watchComposer();
watchPresence();
if (messageLog) stayAtEnd();

follow(refresh);
document.addEventListener("submit", submit);
document.addEventListener("click", editSuggestion);

/** Fetch this page again, or only the queue in it, and show what changed; drafts stay. A page that
 * was requested before an action finished is older than the result of that action, so it is not
 * shown. */
async function refresh(part) {
  const before = actionCount;
  if (part === "queue" && listIsDue()) part = "page";
  const page = await load(part === "queue" ? queueAddress() : location.pathname + location.search);
  if (!page) return;
  if (before !== actionCount) await refresh("page");
  else if (part === "queue") showQueue(page.document);
  else show(page.document, false);
}

/** Whether this page is a list that was not fetched for some time: each fetch of it is work of its
 * own, while all open desks share one queue. */
function listIsDue() {
  if (!document.body.classList.contains("with-list") || Date.now() - listFetched < LIST_INTERVAL) return false;
  listFetched = Date.now();
  return true;
}

function queueAddress() {
  const query = new URLSearchParams(location.search);
  query.set("current", document.body.dataset.conversation ?? "0");
  return `/desk/queue?${query}`;
}

function showQueue(page) {
  update(page, false);
  const waiting = Number(page.getElementById("queue").dataset.waiting);
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = waiting ? `(${waiting}) ${title}` : title;
}

async function submit(event) {
  const form = event.target;
  if (!form.matches("form[data-act]") || event.submitter?.formAction.endsWith("/advice")) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  actionCount += 1;
  latest = form;
  const button = event.submitter;
  const focused = document.activeElement?.id;
  const action = button?.hasAttribute("formaction") ? button.formAction : form.action;
  const page = await load(action, new URLSearchParams(new FormData(form, button)));
  actionCount += 1;
  form.removeAttribute("aria-busy");
  if (!page) return;
  // Another action began meanwhile, perhaps the one that takes this answer back. Its result is
  // newer, so this one changes neither the page nor the draft.
  if (latest !== form) {
    if (page.done && form.dataset.clears && !latest.matches(".leaving")) forget(form.dataset.clears);
    document.dispatchEvent(new Event("desk:outdated"));
    return;
  }
  if (page.done) {
    const fields = new FormData(form);
    if (form.dataset.clears) forget(form.dataset.clears);
    // If the box holds the same suggestion, that text has now been sent.
    if (fields.get("key")?.startsWith("suggestion-")) forgetIfSame(fields.get("text"));
    // A page that comes without a redirect is that of this address.
    if (new URL(page.url).pathname !== new URL(action, location).pathname) {
      // The answer went to another conversation: open that one.
      if (new URL(page.url).pathname !== location.pathname) { location.assign(page.url); return; }
      history.replaceState(null, "", page.url);
    }
    if (form.hasAttribute("data-keep")) form.reset();
    clearTexts(form.closest(".menu[id]"));
    const text = button?.dataset.announce ?? form.dataset.announce;
    if (text) announce(text);
  } else if (form.closest(".card:target")) {
    location.hash = "outcome"; // On a small screen the card covers the outcome.
  }
  closeMenus();
  const typed = document.getElementById("answer")?.value ?? "";
  show(page.document, true);
  if (action.includes("/take-back")) keepBoth(typed);
  if (!page.done && ["answer", "note"].includes(focused)) {
    document.getElementById(focused)?.focus();
    if (focused === "answer") selectPlaceholder();
  }
  if (page.done) toEnd();
  const box = form.dataset.focus ?? form.dataset.clears;
  if (page.done && box) document.getElementById(box)?.focus();
}

/** An answer that was taken back comes before what was typed since. */
function keepBoth(typed) {
  const box = document.getElementById("answer");
  if (!box?.value) return;
  if (typed.trim() && typed !== box.value) box.value = `${box.value}\n\n${typed}`;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function forgetIfSame(text) {
  if (document.getElementById("answer")?.value === text) forget("answer");
}

function editSuggestion(event) {
  const link = event.target.closest("#suggest-edit");
  const box = document.getElementById("answer");
  if (!link || !box || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const draft = link.closest("section").querySelector("textarea").value;
  document.getElementById("suggest").open = false;
  document.getElementById("mode-answer").checked = true;
  box.value = box.value.trim() && box.value !== draft ? `${box.value.trimEnd()}\n\n${draft}` : draft;
  document.getElementById("answer-suggestion").value = link.dataset.suggestion;
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A menu keeps what is typed while the page refreshes; what was done is not to be there again. */
function clearTexts(menu) {
  if (!menu) return;
  const here = document.getElementById(menu.id); // a refresh may have replaced the menu meanwhile
  const texts = here?.querySelectorAll("input:not([type]), input[type=datetime-local]") ?? [];
  for (const field of texts) field.value = field.defaultValue;
}

function show(page, composer) {
  const following = messageLog && nearEnd();
  const added = update(page, composer);
  document.title = page.title;
  restore();
  if (following) toEnd();
  for (const message of added) {
    if (message.dataset.author !== "customer") continue;
    message.classList.add("fresh");
    const text = message.querySelector(".text").textContent;
    announce(`New message from ${message.dataset.name}: ${text}`);
  }
}

/** Keep the newest message visible while the reader is at the end of the history. */
function stayAtEnd() {
  let following = !location.hash;
  messageLog.addEventListener("scroll", () => { following = nearEnd(); });
  new ResizeObserver(() => { if (following) toEnd(); }).observe(messageLog);
  if (following) toEnd();
}

function nearEnd() {
  return messageLog.scrollHeight - messageLog.scrollTop - messageLog.clientHeight < 60;
}

function toEnd() {
  if (messageLog) messageLog.scrollTop = messageLog.scrollHeight;
}
