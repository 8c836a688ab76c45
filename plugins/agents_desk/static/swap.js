// Replaces those parts of the page that the server now shows differently, and nothing else:
// focus, open details, selections and what is being typed stay.

const shown = new Map();
const KEPT = ":is(.menu, [data-keep]) input:not([type=hidden]), .menu select, select[data-keep]";

/** Note how each part came from the server, before anything is changed here. */
export function remember(page = document) {
  for (const part of parts(page)) shown.set(part.id, print(part));
}

/** Show what is different in `page`; gives the elements of new messages. `composer`: also the
 * boxes to write in, which are otherwise replaced only when something else can be done now. */
export function swap(page, composer) {
  const fresh = [];
  for (const part of [...page.querySelectorAll("[data-live]")]) {
    const here = document.getElementById(part.id);
    if (!here) continue;
    if (part.hasAttribute("data-keyed")) fresh.push(...reconcile(here, part));
    else if (shown.get(part.id) !== print(part)) replace(here, part);
    shown.set(part.id, print(part));
  }
  // What was said of a deed stays until the next deed, however often the page is refreshed.
  const told = page.querySelector("[data-told]");
  if (composer && told) document.querySelector("[data-told]")?.replaceWith(document.importNode(told, true));
  const now = page.querySelector("[data-fixed]");
  const box = document.querySelector("[data-fixed]");
  if (now && box && (composer || now.dataset.fixed !== box.dataset.fixed)) replace(box, now);
  else if (now && box) renew(box, now);
  return fresh;
}

function reconcile(list, wanted) {
  const fresh = [];
  const ids = new Set([...wanted.children].map((one) => one.id));
  for (const one of [...list.children]) if (!ids.has(one.id)) one.remove();
  let before = null;
  for (const one of [...wanted.children]) {
    const seal = print(one);
    let here = document.getElementById(one.id);
    if (!here) {
      here = document.importNode(one, true);
      fresh.push(here);
    } else if (shown.get(one.id) !== seal) {
      here = replace(here, one);
    }
    shown.set(one.id, seal);
    const next = before ? before.nextSibling : list.firstChild;
    if (next !== here) list.insertBefore(here, next);
    before = here;
  }
  return fresh;
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
  const focus = here.contains(document.activeElement) ? place(here, document.activeElement) : null;
  const marked = focus?.marked;
  const scrolls = [here, ...here.querySelectorAll(".scroll")].map((one) => one.scrollTop);
  here.replaceWith(copy);
  [copy, ...copy.querySelectorAll(".scroll")].forEach((one, i) => { one.scrollTop = scrolls[i] ?? 0; });
  const again = focus && find(copy, focus);
  again?.focus({ preventScroll: true });
  if (again && marked) again.setSelectionRange(...marked);
  return copy;
}

/** A form that stays must speak of the conversation as it is shown: its hidden fields follow.
 * Its key stays, because it names the message that is being written. */
function renew(box, wanted) {
  for (const name of ["epoch", "state", "last"]) {
    const now = wanted.querySelector(`[name=${name}]`)?.value;
    for (const field of box.querySelectorAll(`[name=${name}]`)) if (now !== undefined) field.value = now;
  }
}

const REACHABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary";

function place(root, element) {
  const marked = element.matches("textarea, input:not([type])") ? [element.selectionStart, element.selectionEnd] : null;
  return { id: element.id, index: [...root.querySelectorAll(REACHABLE)].indexOf(element), marked };
}

function find(root, { id, index }) {
  if (id) return root.querySelector(`#${CSS.escape(id)}`);
  return root.querySelectorAll(REACHABLE)[index];
}

function parts(page) {
  return page.querySelectorAll("[data-live], [data-keyed] > [id]");
}

/** How a part looks, but for how long ago things were: that is kept up here. */
function print(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.replaceChildren();
  return copy.outerHTML;
}
