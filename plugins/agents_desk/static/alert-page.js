// The page of one's alerts: asks for notifications on a click only, and lets the sound be heard.

import { play, unlock } from "./alerts.js";

const allow = document.getElementById("allow");
const WORDS = {
  granted: "Notifications are allowed here.",
  denied: "This browser refuses notifications of the desk. Allow them in its settings for this site.",
  default: "Notifications are not allowed here yet.",
};

document.getElementById("try").hidden = false;
show();
document.getElementById("hear").addEventListener("click", () => { unlock(); play("reminder"); });
allow.addEventListener("click", async () => {
  await Notification.requestPermission();
  show();
});

function show() {
  const known = "Notification" in window;
  const state = known ? Notification.permission : "denied";
  document.getElementById("permission").textContent = known
    ? WORDS[state]
    : "This browser has no notifications of the desktop. The sound works without them.";
  allow.hidden = state !== "default";
}
