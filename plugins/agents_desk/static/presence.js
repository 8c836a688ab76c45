// Tells colleagues that this page is read or written in, and shows who else is there.

const conversation = document.body.dataset.conversation;
const HEARTBEAT = 20000;
const TYPING = 4000;
let typed = 0;
let timer = null;

export function watchPresence() {
  if (!conversation) return;
  setInterval(() => { if (!document.hidden) tell("reading"); }, HEARTBEAT);
  if (!document.hidden) tell("reading");
  document.addEventListener("visibilitychange", () => tell(document.hidden ? "left" : "reading"));
  window.addEventListener("pagehide", () => tell("left"));
  document.addEventListener("input", (event) => {
    if (!event.target.matches("#answer, #note") || Date.now() - typed < TYPING) return;
    typed = Date.now();
    tell("writing");
  });
  document.addEventListener("desk:presence", (event) => {
    if (String(event.detail.conversation) === conversation) show(event.detail.people);
  });
}

async function tell(doing) {
  const csrf = document.querySelector("input[name=csrf]")?.value;
  if (!csrf) return;
  try {
    const response = await fetch(`/desk/c/${conversation}/presence`, {
      method: "POST",
      body: new URLSearchParams({ csrf, doing }),
      headers: { "X-Desk-Live": "1" },
      keepalive: true,
    });
    if (response.ok) show((await response.json()).people);
  } catch {
    // The next sign of life tells the same.
  }
}

/** Show {name, writes, seconds} of others; who sends no further sign of life disappears. */
function show(people) {
  clearTimeout(timer);
  const line = document.getElementById("present");
  const text = people.map(({ name, writes }) => `${name} is ${writes ? "writing" : "reading"}`).join(" · ");
  if (line && line.textContent !== text) line.textContent = text;
  if (line) line.hidden = !text;
  if (!people.length) return;
  const seconds = Math.min(...people.map((person) => person.seconds));
  timer = setTimeout(() => {
    const left = people.map((person) => ({ ...person, seconds: person.seconds - seconds }));
    show(left.flatMap((person) => {
      if (person.seconds > 0) return [person];
      return person.writes ? [{ ...person, writes: false, seconds: 45 }] : [];
    }));
  }, seconds * 1000);
}
