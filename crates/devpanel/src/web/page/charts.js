// A small live chart: one line with a filled ground, as inline SVG.

import { byId, el, setText } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 64;
const POINTS = 150;

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The next "round" number at or above a value: 1, 2 or 5 times a power of ten (or two, for bytes). */
function ceiling(value, base) {
  if (!(value > 0)) return base === 2 ? 1024 * 1024 : 10;
  if (base === 2) return 2 ** Math.ceil(Math.log2(value));
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * magnitude).find((round) => round >= value);
}

export class Chart {
  /** `format` writes a value, `base` is 2 for bytes and 10 for anything else. */
  constructor(id, title, format, base) {
    this.format = format;
    this.base = base;
    this.title = title;
    this.value = el("span", { class: "chart-value" }, "–");
    this.note = el("span", { class: "chart-note" }, "");
    this.line = svg("path", { class: "chart-line" });
    this.ground = svg("path", { class: "chart-ground" });
    this.picture = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", class: "chart-picture",
    });
    const middle = svg("line", { class: "chart-grid", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 });
    this.picture.append(middle, this.ground, this.line);
    this.scale = el("span", { class: "chart-scale", "aria-hidden": "true" }, "");
    byId(id).replaceChildren(
      el("figcaption", {}, el("span", { class: "chart-title" }, title), this.value, this.note),
      el("div", { class: "chart-box" }, this.picture, this.scale));
  }

  /** Draws the values, oldest first, null for what is not known; `top` fixes the scale, `note` stands by the value. */
  draw(values, { top = null, note = "" } = {}) {
    const shown = values.slice(-POINTS).map((value) => (Number.isFinite(value) ? value : null));
    const known = shown.filter((value) => value !== null);
    const last = known.at(-1) ?? null;
    const ceil = top ?? ceiling(Math.max(0, ...known), this.base);
    setText(this.value, last === null ? "–" : this.format(last));
    setText(this.note, note);
    setText(this.scale, known.length > 0 ? this.format(ceil) : "no figures yet");
    this.picture.setAttribute("aria-label", `${this.title}: ${last === null ? "no figures" : this.format(last)} ${note}`);

    // The newest value is at the right edge; few values start from there, not stretched over the whole width.
    const step = WIDTH / (Math.max(40, shown.length) - 1);
    const points = shown
      .map((value, index) => [WIDTH - (shown.length - 1 - index) * step, value])
      .filter(([, value]) => value !== null)
      .map(([x, value]) => [x.toFixed(1), (HEIGHT - 1 - Math.min(1, value / ceil) * (HEIGHT - 6)).toFixed(1)]);
    const line = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
    this.line.setAttribute("d", line);
    const ground = points.length > 1 ? `${line}L${points.at(-1)[0]} ${HEIGHT}L${points[0][0]} ${HEIGHT}Z` : "";
    this.ground.setAttribute("d", ground);
  }
}
