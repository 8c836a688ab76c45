// Keeps what is typed in the browser tab until it is sent, even if the page reloads.

const conversation = document.body.dataset.conversation;
const key = (name) => `draft:${conversation}:${name}`;

export function keepDrafts() {
  document.addEventListener("input", (event) => {
    const name = event.target.dataset?.draft;
    if (!name) return;
    if (!event.target.value.trim()) { forget(name); return; }
    const suggestion = name === "answer" ? document.getElementById("answer-suggestion")?.value : "";
    sessionStorage.setItem(key(name), JSON.stringify({ text: event.target.value, suggestion }));
  });
}

/** Put drafts back into empty boxes. */
export function restore() {
  for (const box of document.querySelectorAll("textarea[data-draft]")) {
    const kept = sessionStorage.getItem(key(box.dataset.draft));
    if (!kept || box.value) continue;
    const { text, suggestion } = JSON.parse(kept);
    box.value = text;
    const field = document.getElementById("answer-suggestion");
    if (suggestion && field && box.id === "answer") field.value = suggestion;
    box.dispatchEvent(new Event("restored", { bubbles: true }));
  }
}

export function forget(name) {
  sessionStorage.removeItem(key(name));
}
