// Shows what the brand voice would change while an agent writes. It never prevents sending.

const DELAY = 350;
const SEVERITIES = { info: "Hint", warning: "Consider", error: "Please change" };

const ORDER = ["error", "warning", "info"];

let timer = null;
let request = null;

export function watchAdvice() {
  for (const name of ["input", "restored"]) {
    document.addEventListener(name, (event) => {
      if (event.target.id !== "answer") return;
      clearTimeout(timer);
      timer = setTimeout(fetchAdvice, DELAY);
    });
  }
}

async function fetchAdvice() {
  const box = document.getElementById("answer");
  const container = document.getElementById("advice");
  if (!box || !container) return;
  request?.abort();
  request = new AbortController();
  const text = box.value;
  if (!text.trim()) { show(container, [], ""); return; }
  const fields = new URLSearchParams({ text, csrf: box.form.elements.csrf.value });
  try {
    const response = await fetch(container.dataset.url, {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json" },
      signal: request.signal,
    });
    if (response.ok) show(container, await response.json(), text);
  } catch (error) {
    if (error.name !== "AbortError") show(container, [], "");
  }
}

function show(container, findings, text) {
  // Findings count in Unicode characters, JavaScript strings in UTF-16 units.
  const characters = [...text];
  const [first, ...others] = [...findings]
    .sort((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity))
    .map((finding) => listItem(finding, characters, text));
  container.querySelector(".first").replaceChildren(...(first ? [first] : []));
  const more = document.getElementById("advice-more");
  more.querySelector("ul").replaceChildren(...others);
  const message = first?.querySelector(".message");
  more.hidden = !others.length && !(message?.scrollWidth > message?.clientWidth) && !(first && more.open);
  more.querySelector("summary").textContent = others.length ? `${others.length} more` : "In full";
  if (more.hidden) more.open = false;
  const count = findings.length === 1 ? "1 piece of advice" : `${findings.length} pieces of advice`;
  container.querySelector("p").textContent = findings.length ? count : "";
}

function listItem(finding, characters, text) {
  const quoted = characters.slice(finding.start, finding.end).join("");
  const item = document.createElement("li");
  item.className = finding.severity;
  item.append(element("b", SEVERITIES[finding.severity]), " ");
  const message = element("span", "");
  message.className = "message";
  if (quoted.trim() && quoted.length < 60) message.append(element("q", quoted), " ");
  message.append(finding.message);
  item.append(message);
  if (finding.suggestion !== null) item.append(" ", applyButton(finding, characters, text));
  return item;
}

function applyButton(finding, characters, text) {
  const button = element("button", finding.suggestion ? `Use “${finding.suggestion}”` : "Remove it");
  button.type = "button";
  button.className = "button";
  button.addEventListener("click", () => {
    const box = document.getElementById("answer");
    if (box.value !== text) return;
    const start = characters.slice(0, finding.start).join("").length;
    const end = characters.slice(0, finding.end).join("").length;
    box.setRangeText(finding.suggestion, start, end, "end");
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return button;
}

function element(name, text) {
  const created = document.createElement(name);
  created.textContent = text;
  return created;
}
