// Follows the person's presence, and announces what concerns them alone. There are no words of
// customers in a notice: the page fetches them.

import { announce } from "./fetch.js";

const TEXTS = {
  given: "A conversation was given to you.",
  missed: "A conversation that was given to you waits for somebody again. You are set to away.",
  break: "If it suits you, take a break: see the top of the page.",
  praise: "A customer thanked you. It is on your page of praise.",
};

export function watchStanding() {
  mark();
  // The bar is replaced when it changes.
  new MutationObserver(mark).observe(document.body, { childList: true });
  document.addEventListener("desk-notice", (event) => {
    const text = TEXTS[event.detail.notice];
    if (text && !("onBreak" in document.body.dataset)) announce(text);
  });
}

/** While `data-on-break` is on the body, nothing may make a sound. */
function mark() {
  const onBreak = document.getElementById("staff-bar")?.dataset.presence === "break";
  if (onBreak) document.body.dataset.onBreak = "";
  else delete document.body.dataset.onBreak;
}
