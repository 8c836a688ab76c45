// Follows the event stream. One tab of a browser listens and informs the other tabs, because a
// browser allows only a few connections to one host.

import { alertPerson } from "./alerts.js";

const state = document.getElementById("live-state");
const DELAY = 150;
const REFRESH_INTERVAL = 60000;

/** Call `refresh` when the page may be out of date, with "page" or, if only the queue changed,
 * "queue". */
export function follow(refresh) {
  let timer = null;
  let running = false;
  let wanted = null;

  async function refreshNow() {
    timer = null;
    if (running) return;
    running = true;
    const part = wanted;
    wanted = null;
    await refresh(part);
    running = false;
    if (wanted) soon(wanted);
  }
  function soon(part = "page") {
    if (wanted !== "page") wanted = part;
    timer ??= setTimeout(refreshNow, DELAY);
  }
  function handle(event) {
    if (event.people) document.dispatchEvent(new CustomEvent("desk:presence", { detail: event }));
    else if (event.notice !== undefined) {
      document.dispatchEvent(new CustomEvent("desk-notice", { detail: event }));
      soon();
    } else if (event.lane !== undefined) showTyping(event.lane);
    else if (event.conversation === undefined) soon(event.part);
    else if (String(event.conversation) === document.body.dataset.conversation) soon();
  }

  const otherTabs = new BroadcastChannel("desk");
  otherTabs.onmessage = (event) => handle(event.data);
  const listen = () => new Promise(() => {
    open((event) => { handle(event); otherTabs.postMessage(event); });
  });
  // Web Locks need a secure context; without one every tab listens.
  if (navigator.locks) navigator.locks.request("desk-live", listen);
  else listen();

  document.addEventListener("desk:outdated", () => soon());
  // An event may get lost: also refresh at intervals, and when the page becomes visible.
  setInterval(() => soon(), REFRESH_INTERVAL);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  window.addEventListener("online", () => soon());
}

function open(notify) {
  const source = new EventSource("/desk/live");
  source.addEventListener("changed", (event) => notify({ part: "queue", ...JSON.parse(event.data) }));
  source.addEventListener("alert", (event) => alertPerson(JSON.parse(event.data)));
  source.addEventListener("typing", (event) => notify(JSON.parse(event.data)));
  source.addEventListener("notice", (event) => notify(JSON.parse(event.data)));
  source.addEventListener("presence", (event) => notify(JSON.parse(event.data)));
  source.addEventListener("hello", () => { state.textContent = ""; notify({}); });
  source.onerror = () => {
    state.textContent = "Reconnecting …";
    if (source.readyState !== EventSource.CLOSED) return;
    // Refused: signed out, or the server is restarting. The refresh shows which.
    notify({});
    setTimeout(() => open(notify), 5000);
  };
}

let hideTimer = null;

function showTyping(lane) {
  const line = document.getElementById("typing");
  if (!line || lane !== document.body.dataset.lane) return;
  line.hidden = false;
  clearTimeout(hideTimer);
  hideTimer = setTimeout(() => { line.hidden = true; }, 6000);
}
