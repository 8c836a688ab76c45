// Files by button, drag and paste; pictures in a dialog. Without scripts plain forms do the same.

import { update } from "./update.js";
import { announce } from "./fetch.js";

document.documentElement.classList.add("script");
document.addEventListener("change", (event) => {
  const picker = event.target;
  if (picker.id === "place") showSubject();
  if (!picker.matches("#attach-files")) return;
  send([...picker.files]);
  picker.value = "";
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length || !event.target.closest?.("form")?.querySelector("#outgoing")) return;
  event.preventDefault();
  send(files.map(named));
});
document.addEventListener("dragover", (event) => { if (dropZone(event)) mark(event, true); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(event, false); });
document.addEventListener("drop", (event) => {
  if (!dropZone(event)) return;
  mark(event, false);
  send([...event.dataTransfer.files]);
});
document.addEventListener("click", (event) => {
  const picture = event.target.closest("a[data-preview]");
  const remove = event.target.closest("button[data-detach]");
  if (remove) { event.preventDefault(); detach(remove); }
  if (picture && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); show(picture); }
});
// What fails to load tells only the picture itself.
document.addEventListener("error", (event) => { if (event.target.matches?.(".thumb img")) explain(event.target); }, true);
for (const image of document.querySelectorAll(".thumb img")) {
  if (image.complete && !image.naturalWidth && image.loading !== "lazy") explain(image);
}
new MutationObserver(allowEmpty).observe(document.body, { childList: true, subtree: true });
allowEmpty();
showSubject();

/** Say in place of the picture that it is damaged, if that is why it cannot be shown. */
async function explain(image) {
  const response = await fetch(image.src, { headers: { "X-Desk-Live": "1" } }).catch(() => null);
  if (response?.status !== 422) return;
  const words = document.createElement("span");
  words.className = "hint damaged";
  words.textContent = "This picture cannot be shown: it is damaged, or has too many pixels.";
  image.closest(".thumb").replaceWith(words);
}

/** A picture from the clipboard has no name of its own. */
function named(file) {
  if (file.name && file.name !== "image.png") return file;
  const time = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
  const suffix = file.type.split("/")[1]?.replace("jpeg", "jpg") ?? "bin";
  return new File([file], `picture-${time}.${suffix}`, { type: file.type });
}

function dropZone(event) {
  return event.dataTransfer?.types.includes("Files") && document.getElementById("attach-files");
}

function mark(event, over) {
  if (over) event.preventDefault();
  else if (event.type === "drop") event.preventDefault();
  document.getElementById("answer")?.closest("form")?.classList.toggle("dropping", over);
}

/** One request for each file, one after another: a large one holds up no other page. */
async function send(files) {
  const box = document.getElementById("outgoing");
  if (!box) return;
  for (const file of files) {
    const line = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    name.className = "name";
    name.textContent = file.name;
    bar.max = 1;
    bar.setAttribute("aria-label", `Uploading ${file.name}`);
    line.append(name, bar);
    document.getElementById("uploads").append(line);
    const problem = await upload(box.dataset.upload, file, bar);
    if (problem) refuse(line, bar, problem);
    else { line.remove(); announce(`${file.name} is attached`); }
    await refresh();
  }
}

function upload(url, file, bar) {
  const form = new FormData();
  form.append("csrf", token());
  form.append("upload", file, file.name);
  return post(url, form, (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
}

async function detach(button) {
  button.disabled = true;
  const form = new FormData();
  form.append("csrf", token());
  form.append("file", button.value);
  const problem = await post(button.formAction, new URLSearchParams(form));
  announce(problem || "Removed");
  await refresh();
  document.getElementById("answer")?.focus();
}

function token() {
  return document.getElementById("outgoing").closest("form").querySelector("[name=csrf]").value;
}

/** Resolves to a problem in words, or to an empty text. */
function post(url, body, progress = null) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    if (progress) request.upload.onprogress = progress;
    request.onload = () => resolve(problemOf(request));
    request.onerror = () => resolve("There is no connection. Try it again.");
    request.send(body);
  });
}

function problemOf(request) {
  if (request.status === 200 && !request.responseURL.endsWith("/sign-in")) return "";
  if (request.status === 401 || request.responseURL.includes("/desk/sign-in")) return "You are signed out. Sign in again.";
  if (request.status === 413) return "It is too large.";
  try { return JSON.parse(request.responseText).error.message; } catch { return "It could not be uploaded. Try it again."; }
}

function refuse(line, bar, problem) {
  const why = document.createElement("span");
  const close = document.createElement("button");
  why.className = "why";
  why.textContent = problem;
  close.type = "button";
  close.className = "quiet";
  close.textContent = "Close";
  close.addEventListener("click", () => line.remove());
  bar.remove();
  line.append(close, why);
}

/** Show what waits now. What is typed stays: only this part of the page is replaced. */
function refresh() {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.responseType = "document";
    request.setRequestHeader("X-Desk-Live", "1");
    request.onloadend = () => {
      const now = request.response?.getElementById("outgoing");
      const here = document.getElementById("outgoing");
      if (now && here) here.replaceWith(document.importNode(now, true));
      if (request.response?.body.classList.contains("desk")) update(request.response, false);
      resolve();
    };
    request.send();
  });
}

/** A file alone is an answer too. */
function allowEmpty() {
  const box = document.getElementById("answer");
  const files = document.getElementById("answer-files");
  if (box && files) box.required = !files.value;
}

function showSubject() {
  const place = document.getElementById("place");
  const mail = document.querySelector("[data-mail]");
  if (!place || !mail) return;
  const wanted = place.selectedOptions[0]?.dataset.subjects === "yes";
  mail.hidden = !wanted && Boolean(place.value);
  document.getElementById("subject").required = wanted;
}

function show(picture) {
  const dialog = document.createElement("dialog");
  const image = document.createElement("img");
  const row = document.createElement("div");
  const name = document.createElement("p");
  const form = document.createElement("form");
  const close = document.createElement("button");
  dialog.className = "picture";
  dialog.setAttribute("aria-label", picture.dataset.preview);
  image.src = picture.href;
  image.alt = picture.querySelector("img").alt;
  name.textContent = picture.dataset.preview;
  form.method = "dialog";
  close.className = "button";
  close.textContent = "Close";
  row.className = "row";
  form.append(close);
  row.append(name, form);
  dialog.append(image, row);
  document.body.append(dialog);
  dialog.addEventListener("close", () => { dialog.remove(); picture.focus(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.showModal();
}
