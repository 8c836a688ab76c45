// Replaces only the parts of the page that the server now renders differently. Focus, open
// details, selections and typed text stay.

const rendered = new Map();
const KEPT = ":is(.menu, [data-keep]) input:not([type=hidden]), .menu select, select[data-keep]";

/** Remember how the server rendered each part, before a script changes it. */
export function remember(page = document) {
  for (const part of parts(page)) rendered.set(part.id, fingerprint(part));
}

/** Show what changed in `page` and return the elements of new messages. With `composer`, also
 * replace the text boxes, which otherwise change only when other actions are possible. */
export function update(page, composer) {
  const added = [];
  for (const part of [...page.querySelectorAll("[data-live]")]) {
    const here = document.getElementById(part.id);
    if (!here) continue;
    if (part.hasAttribute("data-keyed")) added.push(...reconcile(here, part));
    else if (rendered.get(part.id) !== fingerprint(part)) replace(here, part);
    rendered.set(part.id, fingerprint(part));
  }
  // The outcome of an action stays until the next action, however often the page refreshes.
  const outcome = page.querySelector("[data-outcome]");
  if (composer && outcome) document.querySelector("[data-outcome]")?.replaceWith(document.importNode(outcome, true));
  const now = page.querySelector("[data-role]");
  const box = document.querySelector("[data-role]");
  if (now && box && (composer || now.dataset.role !== box.dataset.role)) replace(box, now);
  else if (now && box) updateHiddenFields(box, now);
  return added;
}

function reconcile(list, wanted) {
  const added = [];
  const ids = new Set([...wanted.children].map((item) => item.id));
  for (const item of [...list.children]) if (!ids.has(item.id)) item.remove();
  let before = null;
  for (const item of [...wanted.children]) {
    const print = fingerprint(item);
    let here = document.getElementById(item.id);
    if (!here) {
      here = document.importNode(item, true);
      added.push(here);
    } else if (rendered.get(item.id) !== print) {
      here = replace(here, item);
    }
    rendered.set(item.id, print);
    const next = before ? before.nextSibling : list.firstChild;
    if (next !== here) list.insertBefore(here, next);
    before = here;
  }
  return added;
}

function replace(here, wanted) {
  const copy = document.importNode(wanted, true);
  for (const open of here.querySelectorAll("details[open][id]")) {
    const same = copy.querySelector(`#${CSS.escape(open.id)}`);
    if (same) same.open = true;
  }
  for (const field of here.querySelectorAll(KEPT)) {
    const same = copy.querySelector(`#${CSS.escape(field.id)}`);
    if (same) same.value = field.value;
  }
  const focus = here.contains(document.activeElement) ? describeFocus(here, document.activeElement) : null;
  const selection = focus?.selection;
  const scrolls = [here, ...here.querySelectorAll(".scroll")].map((part) => part.scrollTop);
  here.replaceWith(copy);
  [copy, ...copy.querySelectorAll(".scroll")].forEach((part, i) => { part.scrollTop = scrolls[i] ?? 0; });
  const again = focus && find(copy, focus);
  again?.focus({ preventScroll: true });
  if (again && selection) again.setSelectionRange(...selection);
  return copy;
}

/** Hidden fields of a form that stays must match the conversation as shown. Its key stays, because
 * it identifies the message that is being written. */
function updateHiddenFields(box, wanted) {
  // What nobody looked at counts as not seen: see `unseen_messages` of composing/checks.py.
  const names = document.hidden ? ["epoch", "state"] : ["epoch", "state", "last"];
  for (const name of names) {
    const now = wanted.querySelector(`[name=${name}]`)?.value;
    for (const field of box.querySelectorAll(`[name=${name}]`)) if (now !== undefined) field.value = now;
  }
}

const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary";

function describeFocus(root, element) {
  const selection = element.matches("textarea, input:not([type])") ? [element.selectionStart, element.selectionEnd] : null;
  return { id: element.id, index: [...root.querySelectorAll(FOCUSABLE)].indexOf(element), selection };
}

function find(root, { id, index }) {
  if (id) return root.querySelector(`#${CSS.escape(id)}`);
  return root.querySelectorAll(FOCUSABLE)[index];
}

function parts(page) {
  return page.querySelectorAll("[data-live], [data-keyed] > [id]");
}

/** How a part looks, without elapsed times, which times.js keeps current. */
function fingerprint(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.replaceChildren();
  return copy.outerHTML;
}
