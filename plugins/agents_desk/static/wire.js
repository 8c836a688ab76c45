// Fetching pages. They come as parsed documents, so no text is ever turned into markup here.

const trouble = document.getElementById("trouble");

/** Resolves to {document, url, done}, or to null when there is nothing to show. */
export function load(url, form = null) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(form ? "POST" : "GET", url);
    request.responseType = "document";
    request.timeout = 20000;
    // A refresh is not a deed of the person: it does not keep the session awake.
    if (!form) request.setRequestHeader("X-Desk-Live", "1");
    request.onload = () => resolve(answered(request, form));
    request.onerror = request.ontimeout = () => resolve(lost(form));
    request.send(form);
  });
}

function answered(request, form) {
  const page = request.response;
  if (request.status === 401 || new URL(request.responseURL).pathname === "/desk/sign-in") {
    return complain("You are signed out. What you typed is kept here; sign in again to go on.", true);
  }
  if (!page?.body.classList.contains("desk")) {
    const words = page?.querySelector("main p")?.textContent;
    return complain(words ?? "Something went wrong on our side. Try again in a moment.");
  }
  complain("");
  return { document: page, url: request.responseURL, done: Boolean(form) && request.status < 300 };
}

function lost(form) {
  if (form) return complain("Not sent: there is no connection. What you typed is kept; try again.");
  return null;
}

function complain(words, signIn = false) {
  trouble.hidden = !words;
  trouble.textContent = words;
  if (signIn) {
    const link = document.createElement("a");
    link.href = `/desk/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in";
    trouble.append(" ", link);
  }
  return null;
}

/** For screen readers. */
export function say(words) {
  const line = document.createElement("p");
  line.textContent = words;
  const place = document.getElementById("announce");
  place.append(line);
  while (place.children.length > 3) place.firstChild.remove();
}
