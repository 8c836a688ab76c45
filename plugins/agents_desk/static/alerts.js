// Alerts the person by a short sound and a notification of the desktop. The server decides about
// what, by their settings; this page, whether they are on a break. No text has a customer's words.

// Two tones for each kind, in hertz: they differ by more than loudness.
const TONES = { urgent: [880, 660], answer: [523, 659], mention: [659, 784], reminder: [440, 523] };
const LENGTH = 0.14; // seconds of each tone
const LOUDNESS = 0.12; // of 1: heard beside other work, and nobody starts

let audio = null;

/** Browsers let a page make sounds only after the person has done something in it. */
export function watchAlerts() {
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, unlock, { once: true });
  fillZones();
  document.addEventListener("toggle", fillZones, true);
  document.addEventListener("submit", fillZones, true);
}

export function unlock() {
  audio ??= window.AudioContext ? new AudioContext() : null;
  audio?.resume();
}

export function alertPerson({ kind, text, conversation, sound, desktop, quiet }) {
  if (quiet && document.body.dataset.onBreak !== undefined) return;
  document.dispatchEvent(new CustomEvent("desk-alert", { detail: kind }));
  if (sound) play(kind);
  if (desktop && !document.hasFocus()) notify(kind, text, conversation);
}

export function play(kind) {
  if (audio?.state !== "running") return;
  TONES[kind].forEach((frequency, index) => {
    const start = audio.currentTime + index * LENGTH;
    const tone = new OscillatorNode(audio, { frequency });
    const gain = new GainNode(audio, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(LOUDNESS, start + 0.02);
    gain.gain.linearRampToValueAtTime(0, start + LENGTH);
    tone.connect(gain).connect(audio.destination);
    tone.start(start);
    tone.stop(start + LENGTH);
  });
}

function notify(kind, text, conversation) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const shown = new Notification("Warmline", { body: text, tag: `${kind}-${conversation}` });
  shown.onclick = () => {
    window.focus();
    location.assign(conversation ? `/desk/c/${conversation}` : "/desk");
  };
}

/** A form with a time says in which time zone the person reads it. */
function fillZones() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  for (const field of document.querySelectorAll("[data-zone]")) field.value = zone;
}
