// Learns that something changed. One tab of a browser listens and tells the others, since a
// browser allows few connections to one host.

const state = document.getElementById("live-state");
const SOON = 150;
const ANYWAY = 60000;

/** Call `refresh` whenever the page may be out of date. */
export function follow(refresh) {
  let timer = null;
  let running = false;
  let again = false;

  async function look() {
    timer = null;
    if (running) { again = true; return; }
    running = true;
    await refresh();
    running = false;
    if (again) { again = false; soon(); }
  }
  function soon() { timer ??= setTimeout(look, SOON); }

  const others = new BroadcastChannel("desk");
  const hear = (news) => (news.lane === undefined ? soon() : typing(news.lane));
  others.onmessage = (event) => hear(event.data);
  const listen = () => new Promise(() => {
    open((news) => { hear(news); others.postMessage(news); });
  });
  // Web Locks want a secure context; without one each tab listens for itself.
  if (navigator.locks) navigator.locks.request("desk-live", listen);
  else listen();

  // An event may be lost: look now and then, and whenever someone looks at the page.
  setInterval(soon, ANYWAY);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  window.addEventListener("online", soon);
}

function open(tell) {
  const source = new EventSource("/desk/live");
  source.addEventListener("changed", () => tell({}));
  source.addEventListener("typing", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("hello", () => { state.textContent = ""; tell({}); });
  source.onerror = () => {
    state.textContent = "Reconnecting …";
    if (source.readyState !== EventSource.CLOSED) return;
    // Refused: signed out, or the server is restarting. The refresh tells which.
    tell({});
    setTimeout(() => open(tell), 5000);
  };
}

let silent = null;

function typing(lane) {
  const line = document.getElementById("typing");
  if (!line || lane !== document.body.dataset.lane) return;
  line.hidden = false;
  clearTimeout(silent);
  silent = setTimeout(() => { line.hidden = true; }, 6000);
}
