// A curve whose x axis is the slider's rail: grounds, lines and names under a marker and two dots that move along.
import { drawn, way } from "./svg.js";
import { NBSP } from "./words.js";

export const ink = (name) => `var(--st-${name})`;

export class Chart {
  constructor(root) {
    [this.svg, this.rail, this.ticks] = [".curve", ".rail", ".ticks"].map((selector) => root.querySelector(selector));
  }

  /** Measure the place that there is; false where there is none yet. */
  measure() {
    const box = this.svg.getBoundingClientRect();
    const track = this.rail.getBoundingClientRect();
    if (!box.width || !track.width) return false;
    Object.assign(this, { left: track.left - box.left, width: track.width, height: box.height, all: box.width });
    this.narrow = box.width < 560;
    return true;
  }

  /** Where a value lies; `span`, which whoever draws sets, is the value at the right end. */
  x(value) {
    return this.left + (this.width * value) / this.span;
  }

  // ------------------------------------------------------------------------------- parts, as texts of SVG, for show()
  ground(from, to, bottom, name) {
    return `<rect x="${from}" y="0" width="${Math.max(to - from, 0)}" height="${bottom}" fill="${ink(`${name}-background-color`)}"/>`;
  }

  /** From where on the attack has won. */
  cut(x, bottom) {
    return `<path d="M${x} 0V${bottom}" stroke="currentColor" stroke-width="2"/>`;
  }

  /** What stands beside the heights of 100 %, 50 % and 0. */
  shares(top, bottom) {
    return [[1, `100${NBSP}%`], [0.5, "50"], [0, "0"]].map(([share, text]) =>
      `<text x="${this.left - 10}" y="${bottom - (bottom - top) * share + 5}" text-anchor="end">${text}</text>`);
  }

  line(points, stroke, width) {
    return `<path d="${way(points)}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linejoin="round"/>`;
  }

  /** Draw the parts, and over them the marker, from `top` on, and its dots. */
  show(parts, top, colours) {
    const dots = colours.map((fill) => `<circle class="dot" r="7" fill="${fill}" stroke="${ink("background-color")}" stroke-width="2.5"/>`);
    const now = `<path class="now" d="M0 ${top}V${this.height + 8}" stroke="currentColor" stroke-width="2.4"/>`;
    this.svg.setAttribute("viewBox", `0 0 ${this.all} ${this.height}`);
    this.svg.innerHTML = [...parts, now, ...dots].join("");
    this.marker = this.svg.querySelector(".now");
    this.dots = [...this.svg.querySelectorAll(".dot")];
  }

  // ------------------------------------------------------------------------------------------------ what comes later
  /** Write under the marker; end: the text ends at x. */
  write(text, x, y, end, kind) {
    return this.svg.insertBefore(drawn("text", { class: kind, x, y, "text-anchor": end ? "end" : "start" }, text), this.marker);
  }

  /** say(value): what stands at a value under the rail. */
  drawTicks(values, say) {
    this.ticks.replaceChildren(
      ...values.map((value) => {
        const mark = document.createElement("span");
        mark.textContent = say(value);
        mark.style.left = `${(100 * value) / this.span}%`;
        return mark;
      }),
    );
  }

  /** Put the marker at a value, and its dots at their heights. */
  mark(value, heights) {
    if (!this.marker) return;
    const x = this.x(value);
    this.marker.setAttribute("transform", `translate(${x})`);
    heights.forEach((y, k) => this.dots[k].setAttribute("transform", `translate(${x} ${y})`));
  }
}
