// Fetches pages as parsed documents, so that no script turns text into markup.

const errorBar = document.getElementById("trouble");

// Whether the error shown is of a form: then no refresh hides or replaces it, unless the person is
// signed out.
let formFailed = false;

/** Resolves to {document, url, done}, or to null when there is nothing to show. */
export function load(url, form = null) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(form ? "POST" : "GET", url);
    request.responseType = "document";
    request.timeout = 20000;
    // A refresh is not activity of the person: it does not keep the session active.
    if (!form) request.setRequestHeader("X-Desk-Live", "1");
    request.onload = () => resolve(loaded(request, form));
    request.onerror = request.ontimeout = () => resolve(failed(form));
    request.send(form);
  });
}

function loaded(request, form) {
  const page = request.response;
  if (request.status === 401 || new URL(request.responseURL).pathname === "/desk/sign-in") {
    formFailed = false;
    return showError("You are signed out. Your text is kept here. Sign in again to continue.", true);
  }
  if (!page?.body.classList.contains("desk")) {
    const text = page?.querySelector("main p")?.textContent;
    if (formFailed && !form) return null;
    formFailed = Boolean(form);
    return showError(text ?? "Something went wrong on our side. Please try again in a moment.");
  }
  if (form || !formFailed) {
    formFailed = false;
    showError("");
  }
  return { document: page, url: request.responseURL, done: Boolean(form) && request.status < 300 };
}

function failed(form) {
  if (!form) return null;
  formFailed = true;
  return showError("Not sent: there is no connection. Your text is kept. Please try again.");
}

function showError(text, signIn = false) {
  errorBar.hidden = !text;
  errorBar.textContent = text;
  if (signIn) {
    const link = document.createElement("a");
    link.href = `/desk/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in";
    errorBar.append(" ", link);
  }
  return null;
}

/** Announce `text` to screen readers. */
export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  const region = document.getElementById("announce");
  region.append(line);
  while (region.children.length > 3) region.firstChild.remove();
}
