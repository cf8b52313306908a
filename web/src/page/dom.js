// Elements from code. Text is only ever set as text: nothing from a file becomes markup.

/**
 * @param {string} tag `p`, or with classes `p.lead.wide`
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; false and null are left out
 * @param {...(Node | string | null)} children
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Drawn marks: a shape of its own for each outcome, so that nothing depends on colour. */
const SHAPES = {
  VALID: "M5 12.5l4.5 4.5L19 7.5",
  INVALID: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  UNKNOWN: "M8.6 9a3.5 3.5 0 1 1 5.2 3c-1.2.7-1.8 1.4-1.8 2.7M12 18.2v.1",
  SKIPPED: "M7 12h10",
};

/** @param {keyof SHAPES} outcome */
export function mark(outcome) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[outcome]);
  svg.append(path);
  return svg;
}

export const byId = (/** @type {string} */ id) => document.getElementById(id);

/** Says how things are with a setting. @param {string} id @param {"good" | "open" | "fault"} state @param {string} text */
export function showState(id, state, text) {
  byId(id).dataset.state = state;
  byId(id).textContent = text;
}
