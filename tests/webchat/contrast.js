// Runs in a page: returns how many elements were checked, and which have too little contrast
// (WCAG 2.2, success criteria 1.4.3 and 1.4.11).
() => {
  const root = document.querySelector("warmline-chat").shadowRoot;
  const parse = (text) => [...text.matchAll(/rgba?\(([^)]+)\)/g)].map((one) => {
    const [r, g, b, a = 1] = one[1].split(/[ ,/]+/).filter(Boolean).map(Number);
    return [r, g, b, a];
  });
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  // Every colour that can lie behind an element: solid ones, and each stop of a gradient.
  const behind = (element) => {
    if (!element) return [[255, 255, 255]];
    const style = getComputedStyle(element);
    const below = parse(style.backgroundColor)[0];
    const under = below[3] === 1 ? [below.slice(0, 3)] : behind(element.parentElement).map((one) => over(below, one));
    const stops = style.backgroundImage.includes("gradient") ? parse(style.backgroundImage) : [];
    return [...under, ...stops.flatMap((stop) => under.map((one) => over(stop, one)))];
  };
  const found = [];
  let checked = 0;
  const check = (element, colour, least) => {
    checked += 1;
    for (const back of behind(element)) {
      const value = ratio(over(parse(colour)[0], back), back);
      if (value < least) found.push(`${element.className || element.tagName}: ${value.toFixed(2)} < ${least}`);
    }
  };
  for (const element of root.querySelectorAll("*")) {
    if (!element.checkVisibility() || element.matches(":disabled, .unseen")) continue;
    const style = getComputedStyle(element);
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (own) check(element, style.color, large ? 3 : 4.5);
    if (element.matches("svg") && !element.closest(":disabled")) check(element.parentElement, style.color, 3);
    if (element.matches("textarea")) check(element, getComputedStyle(element, "::placeholder").color, 4.5);
    if (element.matches(".field")) check(element.parentElement, style.borderTopColor, 3);
  }
  return [checked, found];
}
