// The composer: saved replies by "/", links by pasting, and taking an answer back.

import { pick } from "./picker.js";

const PLACEHOLDER = /\{\{\s*[^\W\d]\w*\s*\}\}/;

export function watchComposer() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#replies-open") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    offerReplies();
  });
  document.addEventListener("paste", pasted);
  document.addEventListener("input", (event) => {
    // Who deletes everything has no saved reply left in the text.
    if (event.target.id === "answer" && !event.target.value) document.getElementById("answer-replies").value = "";
  });
  setInterval(countDown, 250);
}

function pressed(event) {
  const box = event.target;
  if (box.id !== "answer" || box.value || event.altKey || event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  if (event.key === "/" && !control) {
    event.preventDefault();
    offerReplies();
  } else if (event.key.toLowerCase() === "z" && control && !event.shiftKey) {
    const undo = document.getElementById("take-back");
    if (!undo) return;
    event.preventDefault();
    undo.click();
  }
}

async function offerReplies() {
  const link = document.getElementById("replies-open");
  const response = await fetch(link.href, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) { location.assign(link.href); return; }
  const items = (await response.json()).map((reply) => ({
    title: reply.name,
    words: reply.text,
    detail: reply.missing.length ? `Needs ${reply.missing.join(", ")} · ${reply.text}` : reply.text,
    note: reply.note,
    run: () => setTimeout(() => insert(reply)),
  }));
  await pick({ label: "Saved replies", placeholder: "Name or words of a saved reply", items, empty: "No saved reply fits. Write one on the page Saved replies." });
  document.getElementById("answer")?.focus();
}

function insert(reply) {
  const box = document.getElementById("answer");
  if (!box) return;
  document.getElementById("mode-answer").checked = true;
  box.focus();
  box.setRangeText(reply.text, box.selectionStart, box.selectionEnd, "end");
  const ids = document.getElementById("answer-replies");
  ids.value = `${ids.value} ${reply.id}`.trim();
  box.dispatchEvent(new Event("input", { bubbles: true }));
  selectPlaceholder(box);
}

/** Select the first variable that is not filled in, so that typing replaces it. */
export function selectPlaceholder(box = document.getElementById("answer")) {
  const found = box?.value.match(PLACEHOLDER);
  if (!found) return;
  box.focus();
  box.setSelectionRange(found.index, found.index + found[0].length);
}

/** A web address that is pasted over words makes a link of them. */
function pasted(event) {
  const box = event.target;
  if (box.id !== "answer" || box.selectionStart === box.selectionEnd) return;
  const url = event.clipboardData?.getData("text/plain").trim() ?? "";
  const words = box.value.slice(box.selectionStart, box.selectionEnd);
  if (!/^https?:\/\/[^\s()<>]+$/i.test(url) || /[[\]\n]|^https?:/.test(words) || !words.trim()) return;
  event.preventDefault();
  box.setRangeText(`[${words}](${url})`, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

const serverOffset = Date.parse(document.body.dataset.now) - Date.now();
const over = new Set();

/** Count the seconds down until an answer is sent, and then look for it in the history. */
function countDown() {
  for (const left of document.querySelectorAll("#held [data-due]")) {
    const seconds = (Date.parse(left.dataset.due) - Date.now() - serverOffset) / 1000;
    const text = seconds > 0 ? `${Math.ceil(seconds)} s` : "a moment";
    if (left.textContent !== text) left.textContent = text;
    if (seconds > -0.5 || over.has(left.dataset.due)) continue;
    over.add(left.dataset.due);
    document.dispatchEvent(new Event("desk:outdated"));
  }
}
