// Ctrl or Cmd and Enter sends the reply.
const box = document.querySelector("#pr-reply");
box?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    box.form.requestSubmit(box.form.querySelector("[value=reply]"));
  }
});
