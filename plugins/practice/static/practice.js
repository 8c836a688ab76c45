// Ctrl or Cmd and Enter sends the reply; the box has the focus when the customer has answered.
const box = document.querySelector("#pr-reply");
if (box) {
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      box.form.requestSubmit(box.form.querySelector("[value=reply]"));
    }
  });
  if (location.hash === "#end") box.focus();
}
