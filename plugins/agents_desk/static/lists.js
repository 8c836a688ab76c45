// Lists: choose all conversations of a page, say how many are chosen, and see what becomes of an
// act. Without scripts each box works alone, and the page says the outcome when it is opened again.

const boxes = () => [...document.querySelectorAll("#rows input[name=c]")];
const all = document.getElementById("pick-all");
const picked = document.getElementById("picked");
const SOON = 11000;

if (all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    count();
  });
  document.getElementById("rows").addEventListener("change", count);
  document.addEventListener("keydown", pick);
  // The act is carried out while the page is open: fetch it again then.
  if (document.getElementById("undo")) setTimeout(() => location.reload(), SOON);
}

function count() {
  const chosen = boxes().filter((box) => box.checked).length;
  picked.textContent = chosen ? `${chosen} chosen` : "";
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

/** x chooses the line that has the focus. */
function pick(event) {
  if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("single-keys-off")) return;
  const box = event.target.closest?.(".list-row")?.querySelector("input");
  if (!box || event.target.matches("textarea, input:not([type=checkbox])")) return;
  event.preventDefault();
  box.checked = !box.checked;
  count();
}
