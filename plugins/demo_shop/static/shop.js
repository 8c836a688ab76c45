// Conveniences; every page works without them.

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  const text = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Selected: copy it";
    }
    setTimeout(() => { button.textContent = label; }, 2500);
  });
}

// The chat may be missing: then there is no button that would do nothing.
customElements.whenDefined("warmline-chat").then(() => {
  const chat = document.querySelector("warmline-chat");
  for (const button of document.querySelectorAll("button[data-open-chat]")) {
    button.hidden = false;
    button.addEventListener("click", () => { chat.open = true; });
  }
  for (const button of document.querySelectorAll("button[data-ask]")) {
    button.disabled = false;
    button.addEventListener("click", () => { chat.ask(button.textContent.trim()); });
  }
});
