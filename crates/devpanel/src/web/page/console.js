// The console of one server. What the game prints is shown as text: colours become classes, every other control
// sequence disappears, and control characters that are left are made visible and harmless.

import { byId, el, timeOfDay } from "./dom.js";
import { MAX_LINES } from "./store.js";

/** Longer lines are cut on screen: one line of a mebibyte must not stall the page. */
const MAX_LINE_LENGTH = 8192;

// CSI (also 8-bit), OSC and the other string sequences with their terminator, and two-character escapes.
const SEQUENCE = /(?:\x1b\[|\x9b)([0-9;:<=>?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?/g;
// C0 but for the tab, DEL, C1, and what changes the direction of writing.
const HARMFUL = /[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Makes control characters visible. */
export function harmless(text) {
  return text.replace(HARMFUL, (character) => {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "␡";
    return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

/** Splits a line into pieces of one style each: `{text, style}`. */
export function pieces(line) {
  const found = [];
  let style = {};
  let from = 0;
  const add = (text) => {
    if (text !== "") found.push({ text: harmless(text), style });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    add(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") style = restyled(style, match[1]);
  }
  add(line.slice(from));
  return found;
}

/** The style after an SGR sequence. */
function restyled(style, parameters) {
  const next = { ...style };
  const codes = parameters.split(/[;:]/).map((text) => Number.parseInt(text || "0", 10));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) Object.keys(next).forEach((key) => delete next[key]);
    else if (code === 1) next.bold = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) delete next.bold;
    else if (code === 23) delete next.italic;
    else if (code === 24) delete next.underline;
    else if (code >= 30 && code <= 37) next.colour = code - 30;
    else if (code >= 90 && code <= 97) next.colour = code - 90 + 8;
    else if (code === 39) delete next.colour;
    else if (code === 38 || code === 48) {
      // Palette or RGB; a background is read over, since it could hide the text.
      const isPalette = codes[at + 1] === 5;
      const colour = isPalette ? palette(codes[at + 2]) : rgb(codes.slice(at + 2, at + 5));
      if (code === 38 && colour !== null) next.colour = colour;
      at += isPalette ? 2 : 4;
    }
  }
  return next;
}

/** A colour of the 256: 0 to 15 are classes, the others RGB. */
function palette(index) {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < 16) return index;
  if (index >= 232) return rgb(Array(3).fill(8 + (index - 232) * 10));
  const cube = index - 16;
  const level = (value) => (value === 0 ? 0 : 55 + value * 40);
  return rgb([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

/** RGB, lifted so that it can be read on the dark ground. */
function rgb(parts) {
  if (parts.length !== 3 || !parts.every((part) => part >= 0 && part <= 255)) return null;
  const brightness = (parts[0] * 299 + parts[1] * 587 + parts[2] * 114) / 1000;
  const lift = brightness < 90 ? 90 - brightness : 0;
  return `rgb(${parts.map((part) => Math.min(255, Math.round(part + lift))).join(", ")})`;
}

function styled({ text, style }) {
  if (Object.keys(style).length === 0) return document.createTextNode(text);
  const span = el("span", {}, text);
  for (const name of ["bold", "italic", "underline"]) if (style[name]) span.classList.add(name);
  if (typeof style.colour === "number") span.classList.add(`ansi-${style.colour}`);
  else if (style.colour) span.style.color = style.colour;
  return span;
}

function row(line) {
  const cut = line.text.length > MAX_LINE_LENGTH;
  const shown = cut ? line.text.slice(0, MAX_LINE_LENGTH) : line.text;
  const text = el("span", { class: "line-text" }, ...pieces(shown).map(styled));
  if (cut) text.append(el("em", {}, ` … ${line.text.length - MAX_LINE_LENGTH} more characters`));
  return el("div", { class: "line", "data-source": line.source },
    el("time", { class: "line-time", "aria-hidden": "true" }, timeOfDay(line.timestamp)), text);
}

/** Draws the console of whichever server is selected. */
export class ConsoleView {
  constructor() {
    this.box = byId("console-lines");
    this.jump = byId("console-jump");
    this.following = true;
    this.box.addEventListener("scroll", () => {
      this.following = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
      if (this.following) this.jump.hidden = true;
    });
    this.jump.addEventListener("click", () => {
      this.following = true;
      this.scrollToEnd();
      this.box.focus();
    });
  }

  /** Shows another console from its start. */
  replace(lines) {
    this.box.replaceChildren();
    this.following = true;
    this.append(lines);
  }

  append(lines) {
    if (lines.length === 0) return;
    const shown = lines.slice(-MAX_LINES);
    // A flood is not read out line by line.
    this.box.setAttribute("aria-busy", String(shown.length > 30));
    const fragment = document.createDocumentFragment();
    for (const line of shown) fragment.append(row(line));
    this.box.append(fragment);
    while (this.box.childElementCount > MAX_LINES) this.box.firstElementChild.remove();
    if (this.following) this.scrollToEnd();
    else this.jump.hidden = false;
  }

  scrollToEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.jump.hidden = true;
  }
}

/** Commands typed before, newest last, gone through with the arrow keys. */
export class InputHistory {
  constructor() {
    this.entries = [];
    this.position = 0;
    this.draft = "";
  }

  add(entry) {
    if (entry !== "" && this.entries.at(-1) !== entry) this.entries.push(entry);
    if (this.entries.length > 100) this.entries.shift();
    this.position = this.entries.length;
    this.draft = "";
  }

  /** The entry one step earlier (-1) or later (+1), given what stands in the input now; null if there is none. */
  step(direction, current) {
    const next = this.position + direction;
    if (next < 0 || next > this.entries.length) return null;
    if (this.position === this.entries.length) this.draft = current;
    this.position = next;
    return next === this.entries.length ? this.draft : this.entries[next];
  }
}
