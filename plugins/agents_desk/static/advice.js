// What the brand voice would change, while an answer is written. It never keeps anyone from sending.

const WAIT = 350;
const NAMES = { info: "Hint", warning: "Better", error: "Please change" };

let timer = null;
let asked = null;

export function watchAdvice() {
  for (const name of ["input", "restored"]) {
    document.addEventListener(name, (event) => {
      if (event.target.id !== "answer") return;
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT);
    });
  }
}

async function ask() {
  const box = document.getElementById("answer");
  const place = document.getElementById("advice");
  if (!box || !place) return;
  asked?.abort();
  asked = new AbortController();
  const text = box.value;
  if (!text.trim()) { show(place, [], ""); return; }
  const fields = new URLSearchParams({ text, csrf: box.form.elements.csrf.value });
  try {
    const response = await fetch(place.dataset.url, {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json" },
      signal: asked.signal,
    });
    if (response.ok) show(place, await response.json(), text);
  } catch (error) {
    if (error.name !== "AbortError") show(place, [], "");
  }
}

function show(place, findings, text) {
  // Places are counted in characters; a script's strings count in UTF-16 units.
  const letters = [...text];
  place.querySelector("ul").replaceChildren(...findings.map((one) => line(one, letters, text)));
  const count = findings.length === 1 ? "1 piece of advice" : `${findings.length} pieces of advice`;
  place.querySelector("p").textContent = findings.length ? count : "";
}

function line(finding, letters, text) {
  const part = letters.slice(finding.start, finding.end).join("");
  const item = document.createElement("li");
  item.className = finding.severity;
  item.append(element("b", NAMES[finding.severity]), " ");
  if (part.trim() && part.length < 60) item.append(element("q", part), " ");
  item.append(finding.message);
  if (finding.suggestion !== null) item.append(" ", button(finding, letters, text));
  return item;
}

function button(finding, letters, text) {
  const use = element("button", finding.suggestion ? `Use “${finding.suggestion}”` : "Leave it out");
  use.type = "button";
  use.className = "button";
  use.addEventListener("click", () => {
    const box = document.getElementById("answer");
    if (box.value !== text) return;
    const start = letters.slice(0, finding.start).join("").length;
    const end = letters.slice(0, finding.end).join("").length;
    box.setRangeText(finding.suggestion, start, end, "end");
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return use;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
