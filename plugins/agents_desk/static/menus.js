// Menus are `details`: one is open at a time; a click elsewhere and Escape close it.

document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector(".menu[open]");
  if (event.key !== "Escape" || !menu || document.querySelector("dialog[open]")) return;
  const inside = menu.contains(event.target);
  menu.open = false;
  if (inside) menu.querySelector("summary").focus();
});

/** Close all menus but the one that has the element `except` in it. */
export function closeMenus(except = null) {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

/** Open `menu`, close the others, and focus what is used first in it. */
export function openMenu(menu) {
  if (!menu) return;
  closeMenus(menu);
  menu.open = true;
  const first = menu.querySelector("[data-first]")
    ?? menu.querySelector("input:not([type=hidden]), button:not([tabindex]), select, textarea, [tabindex='0']");
  (first ?? menu.querySelector("summary")).focus();
}
