// A gap that a draft leaves open ([… what to fill in]) is shown before the answer is sent. The
// server refuses such an answer too.

const GAP = /\[(?:…|\.\.\.)(?:[^\[\]]|\[[^\[\]]*\])*\]|\[…[^\n]*/;

document.addEventListener("submit", (event) => {
  const form = event.target;
  const path = new URL(event.submitter?.formAction ?? form.action, location.href).pathname;
  if (!/\/answer(-as-is)?$/.test(path)) return;
  const box = form.elements.text;
  const gap = box?.value.match(GAP);
  if (!gap) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const note = document.getElementById("answer-hint");
  if (note) {
    note.setAttribute("role", "alert");
    note.textContent = "Fill in or remove the marked gap first.";
  }
  if (box.hidden) { // a suggestion that is sent as it is: it must be edited
    document.getElementById("suggest-edit")?.click();
    return;
  }
  box.focus();
  box.setSelectionRange(gap.index, gap.index + gap[0].length);
  box.addEventListener("input", () => { if (note) note.textContent = ""; }, { once: true });
}, true);
