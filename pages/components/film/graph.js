// The curve of a film over what was spent: how far from the original, how sure of the true class, and since when fooled.
import { read } from "../scrubber/sweep.js";
import { grouped, spentBy, unitOf } from "./said.js";

const ink = (name) => `var(--st-${name})`;
const NICE = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 to end, about as many as wanted. */
export function marks(end, wanted) {
  const rough = end / wanted;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = Math.max(1, power * NICE.find((each) => each * power >= rough - 1e-9));
  const found = [];
  for (let value = 0; value <= end + 1e-9; value += step) found.push(Math.round(value));
  return [...new Set(found)];
}

export class Graph {
  constructor(root) {
    this.svg = root.querySelector(".curve");
    this.rail = root.querySelector(".rail");
    this.ticks = root.querySelector(".ticks");
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

  x(count) {
    return this.left + (this.width * count) / Math.max(this.reel.end, 1);
  }

  draw(reel, data, sized) {
    Object.assign(this, { reel, data });
    const { height, left, width } = this;
    const small = height < 100;
    const [top, bottom, right] = [small ? 28 : 40, height - 4, left + width];
    const limit = reel.measure === data.norm ? data.eps : 0;
    // Of an attack that comes from far away the whole way is shown; what it ends with lies near ε.
    const most = Math.max(...reel.size, 1.08 * limit, 1e-9);
    this.far = (frame) => bottom - ((bottom - top) * reel.size[frame]) / most;
    this.sure = (frame) => bottom - (bottom - top) * reel.shares(frame)[data.label];
    const parts = this.grounds(bottom);
    if (!small) for (const [share, text] of [[1, "100\u00a0%"], [0.5, "50"], [0, "0"]]) parts.push(`<text x="${left - 10}" y="${bottom - (bottom - top) * share + 5}" text-anchor="end">${text}</text>`);
    const rim = bottom - ((bottom - top) * limit) / most;
    if (limit) parts.push(`<path d="M${left} ${rim}H${right}" stroke="var(--darker)" stroke-width="1.6" stroke-dasharray="2 5"/>`);
    const way = (y) => reel.at.map((count, frame) => `${this.x(count).toFixed(1)} ${y(frame).toFixed(1)}`).join("L");
    for (const [y, stroke] of [[this.sure, ink("blue-color")], [this.far, "var(--darker)"]])
      parts.push(`<path d="M${way(y)}" fill="none" stroke="${stroke}" stroke-width="3" stroke-linejoin="round"/>`);
    parts.push(`<path class="now" d="M0 ${top - 6}V${height + 8}" stroke="currentColor" stroke-width="2.4"/>`);
    for (const fill of [ink("blue-color"), "var(--darker)"]) parts.push(`<circle class="dot" r="7" fill="${fill}" stroke="${ink("background-color")}" stroke-width="2.5"/>`);
    this.svg.setAttribute("viewBox", `0 0 ${this.all} ${height}`);
    this.svg.innerHTML = parts.join("");
    this.marker = this.svg.querySelector(".now");
    this.dots = [...this.svg.querySelectorAll(".dot")];
    this.names(small, sized, rim, limit);
    this.drawTicks();
  }

  /** What the network read when: blue while it held, orange while it was fooled, grey where neither counts. */
  grounds(bottom) {
    const { reel, data } = this;
    const lost = read(reel.before) !== data.label;
    const kinds = reel.at.map((_, frame) => (lost ? "gray" : reel.won[frame] ? "orange" : read(reel.shares(frame)) === data.label ? "blue" : "gray"));
    const parts = [];
    for (let from = 0, frame = 1; frame <= kinds.length; frame++)
      if (frame === kinds.length || kinds[frame] !== kinds[from]) {
        const [start, end] = [this.x(from ? reel.at[from] : 0), frame === kinds.length ? this.left + this.width : this.x(reel.at[frame])];
        parts.push(`<rect x="${start}" y="0" width="${Math.max(end - start, 0)}" height="${bottom}" fill="${ink(`${kinds[from]}-background-color`)}"/>`);
        from = frame;
      }
    if (reel.first != null && !lost) parts.push(`<path d="M${this.x(reel.at[reel.first])} 0V${bottom}" stroke="currentColor" stroke-width="2"/>`);
    return parts;
  }

  write(text, x, y, end, kind) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", "text");
    node.textContent = text;
    for (const [name, value] of Object.entries({ class: kind, x, y, "text-anchor": end ? "end" : "start" })) node.setAttribute(name, value);
    this.svg.insertBefore(node, this.marker);
    return node;
  }

  /** The moment of success at the top, and what each line is, at its end. */
  names(small, sized, rim, limit) {
    const { reel, data, left, width } = this;
    const right = left + width;
    const top = small ? 18 : 24;
    const lost = read(reel.before) !== data.label;
    const since = reel.first == null ? null : reel.unit === "steps" ? "fooled without a query" : reel.at[reel.first] === 0 ? "fooled from the start" : `fooled after ${spentBy(reel.unit, reel.at[reel.first])}`;
    if (lost) this.write("already wrong before any attack", left + 12, top, false, "name");
    else if (since && reel.unit !== "progress") {
      const cut = this.x(reel.at[reel.first]);
      const node = this.write(since, cut + 12, top, false, "name orange");
      if (cut + 16 + node.getComputedTextLength() > right) {
        node.setAttribute("text-anchor", "end");
        node.setAttribute("x", cut - 10);
      }
    } else if (reel.unit !== "progress") this.write("not fooled", left + 12, top, false, "name blue");
    this.svg.setAttribute("aria-label", `Distance from the original and confidence in ${data.label}, over what was spent. ${lost ? "Already wrong." : since ?? "Not fooled"}.`);
    if (small || reel.at.length < 2) return;
    const middle = Math.floor(reel.final / 2);
    const place = (y, other) => {
      const here = y(reel.final);
      const below = here < this.height / 2 || (Math.abs(here - other(reel.final)) < 40 && here > other(reel.final));
      return Math.min(Math.max(here + (below ? 22 : -9), 44), this.height - 8);
    };
    const far = place(this.far, this.sure);
    let sure = place(this.sure, this.far);
    if (Math.abs(far - sure) < 18) sure = sure <= far ? far - 19 : far + 19;
    this.write(`distance, ${sized(reel.measure, reel.size[reel.final])}`, right - 12, far, true, "violet");
    this.write(`confidence in ${data.label}`, right - 12, Math.min(sure, this.height - 8), true, "blue");
    if (limit && Math.abs(this.far(middle) - rim) > 16) this.write(`ε = ${limit.toFixed(data.decimals)}`, left + 12, rim - 6, false, "violet");
  }

  drawTicks() {
    const { reel, narrow } = this;
    const end = Math.max(reel.end, 1);
    const values = marks(end, narrow ? 3 : 6);
    this.ticks.replaceChildren(
      ...values.map((value) => {
        const mark = document.createElement("span");
        mark.textContent = value || reel.unit === "progress" ? grouped(value) : narrow ? "0" : `0 ${unitOf(reel.unit, 0).split(" ")[0]}`;
        mark.style.left = `${(100 * value) / end}%`;
        return mark;
      }),
    );
  }

  /** Put the line and its two dots at a frame. */
  place(frame) {
    if (!this.marker) return;
    const x = this.x(this.reel.at[frame]);
    this.marker.setAttribute("transform", `translate(${x})`);
    [this.sure, this.far].forEach((y, k) => this.dots[k].setAttribute("transform", `translate(${x} ${y(frame)})`));
  }
}
