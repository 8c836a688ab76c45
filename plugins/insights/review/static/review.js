// Keys of the review page. Without scripts every control works by itself. Single letters work only
// outside text fields, and can be switched off (WCAG 2.1.4); the desk's own switch counts, too.

const OFF = "single-keys-off";
const form = document.getElementById("rv-form");
let sent = false;

function cycle(group) {
  const choices = [...group.querySelectorAll("input[type=radio]")];
  const next = (choices.findIndex((choice) => choice.checked) + 1) % choices.length;
  choices[next].checked = true;
  const which = group.querySelector(".rv-which input, .rv-which select");
  if (which && choices[next].value === "no") which.focus();
}

function allRight() {
  for (const group of form.querySelectorAll("fieldset[data-key]")) {
    group.querySelector("input[type=radio]").checked = true;
  }
}

function toggle(choice) {
  if (choice.checked) form.querySelector("input[name=tag][value='']").checked = true;
  else choice.checked = true;
}

function act(key) {
  const control = document.querySelector(`[data-key="${key}"]`);
  if (control?.matches("fieldset")) cycle(control);
  else if (control) control.click();
  else if (!form) return false;
  else if (key === "a") allRight();
  else if (key === "b") document.getElementById("rv-better").focus();
  else if (key === "c") document.getElementById("rv-comment").focus();
  else if (form.querySelector(`[data-toggle="${key}"]`)) toggle(form.querySelector(`[data-toggle="${key}"]`));
  else return false;
  return true;
}

function pressed(event) {
  const { target, key } = event;
  const save = form?.querySelector("button[value=save]");
  if (target.matches("textarea, select, input:not([type=radio], [type=checkbox])")) {
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form?.requestSubmit(save);
    } else if (key === "Escape" || (key === "Enter" && !target.matches("textarea"))) {
      if (key === "Enter") event.preventDefault();
      target.blur();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (key === "Enter" && form && !target.matches("a, button, summary")) {
    event.preventDefault();
    form.requestSubmit(save);
    return;
  }
  if (localStorage.getItem(OFF) || key.length !== 1) return;
  if (act(key)) event.preventDefault();
}

document.addEventListener("keydown", pressed);
if (form) {
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  window.addEventListener("pageshow", () => { sent = false; });
  document.getElementById("rv-all").addEventListener("click", (event) => {
    event.preventDefault();
    allRight();
  });
  const box = document.getElementById("rv-single-keys");
  box.closest("p").hidden = false;
  box.checked = !localStorage.getItem(OFF);
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  const judged = document.querySelector(".rv-judged");
  const thread = document.querySelector(".rv-thread");
  if (judged && thread.scrollHeight > thread.clientHeight) thread.scrollTop = thread.scrollHeight;
}
