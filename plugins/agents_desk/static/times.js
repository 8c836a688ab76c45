// Keeps "7 min" current and shows exact times in the reader's time zone.

const INTERVAL = 5000;
const serverOffset = Date.parse(document.body.dataset.now) - Date.now();
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });
const hour = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });
const date = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric" });

export function keepTime() {
  update();
  setInterval(update, INTERVAL);
  new MutationObserver(update).observe(document.querySelector(".columns"), { childList: true, subtree: true });
}

function update() {
  const now = new Date(Date.now() + serverOffset);
  for (const time of document.querySelectorAll("time[data-ago], time[data-clock]")) {
    const at = new Date(time.dateTime);
    const text = time.hasAttribute("data-clock") ? clock(at, now) : ago(now - at, time.dataset.ago);
    if (time.textContent !== text) time.textContent = text;
    if (time.title !== exact.format(at)) time.title = exact.format(at);
  }
}

function clock(at, now) {
  if (at.toDateString() === now.toDateString()) return hour.format(at);
  const format = at.getFullYear() === now.getFullYear() ? day : date;
  return `${format.format(at)}, ${hour.format(at)}`;
}

function ago(milliseconds, kind) {
  const text = duration(milliseconds);
  if (kind !== "since") return text;
  return text === "now" ? "just now" : `${text} ago`;
}

/** The same text as `labels.duration` on the server. */
function duration(milliseconds) {
  const minutes = Math.max(0, Math.floor(milliseconds / 60000));
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) {
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
    return rest && hours < 10 ? `${hours} h ${rest} min` : `${hours} h`;
  }
  const days = Math.floor(minutes / (24 * 60));
  if (days >= 2 * 365) return `${Math.floor(days / 365)} years`;
  return days === 1 ? "1 day" : `${days} days`;
}
