// Helpers for elements, icons and links. Text is always inserted as text, never as markup.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

const SHAPES = {
  chat: "M4.5 12a7.5 7.5 0 1 1 3.4 6.27L4 19.5l1.2-3.7A7.46 7.46 0 0 1 4.5 12Z M9 13.2c.8.9 1.85 1.35 3 1.35s2.2-.45 3-1.35",
  down: "m6.5 9.5 5.5 5.5 5.5-5.5",
  close: "m7 7 10 10M17 7 7 17",
  send: "M12 19V5.5m0 0L6.5 11M12 5.5l5.5 5.5",
  clip: "m18.5 11.2-6.4 6.4a4.1 4.1 0 0 1-5.8-5.8l6.6-6.6a2.8 2.8 0 0 1 4 4l-6.5 6.4a1.4 1.4 0 0 1-2-2l5.9-5.8",
  file: "M13.5 4.5H8A1.5 1.5 0 0 0 6.5 6v12A1.5 1.5 0 0 0 8 19.5h8a1.5 1.5 0 0 0 1.5-1.5V8.5l-4-4Zm0 0v4h4",
  star: "m12 4 2.5 5.1 5.6.8-4.05 3.95.95 5.55L12 16.8l-5 2.6.95-5.55L3.9 9.9l5.6-.8L12 4Z",
};

export function icon(name) {
  const make = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: `icon i-${name}` });
  svg.append(make("path", { d: SHAPES[name] }));
  return svg;
}

const URLS = /https?:\/\/[^\s<>"'“”«»]+/gi;
const TAIL = /[.,;:!?…)\]}،؛؟]+$/;

function valid(url) {
  try {
    return Boolean(new URL(url));
  } catch {
    return false;
  }
}

// The text with its http and https addresses as links.
export function linked(text, newTab) {
  const found = document.createDocumentFragment();
  let end = 0;
  for (const { 0: match, index } of text.matchAll(URLS)) {
    let url = match.replace(TAIL, "");
    if (match[url.length] === ")" && url.includes("(")) url += ")";
    if (!valid(url)) continue;
    const link = h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url);
    link.append(h("span", { class: "unseen" }, ` (${newTab})`));
    found.append(text.slice(end, index), link);
    end = index + url.length;
  }
  found.append(text.slice(end));
  return found;
}
