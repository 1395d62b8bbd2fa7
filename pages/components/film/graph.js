// The curve of a film over what was spent: how far from the original, how sure of the true class, and since when fooled.
import { Chart, ink } from "../shared/chart.js";
import { read } from "../shared/sweep.js";
import { grouped } from "../shared/words.js";
import { spentBy, unitOf } from "./said.js";

const FAR = "var(--darker)"; // the colour of how far it is from the original
const NICE = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 to end, about as many as wanted. */
function marks(end, wanted) {
  const rough = end / wanted;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = Math.max(1, power * NICE.find((each) => each * power >= rough - 1e-9));
  const found = [];
  for (let value = 0; value <= end + 1e-9; value += step) found.push(Math.round(value));
  return [...new Set(found)];
}

export class Graph extends Chart {
  draw(reel, data, sized) {
    Object.assign(this, { reel, data, span: reel.span });
    const { height, left, width } = this;
    const small = height < 100;
    const [top, bottom] = [small ? 28 : 38, height - 4];
    const limit = reel.measure === data.norm ? data.eps : 0;
    // Of an attack that comes from far away the whole way is shown; what it ends with lies near ε.
    const most = Math.max(...reel.size, 1.08 * limit, 1e-9);
    this.far = (frame) => bottom - ((bottom - top) * reel.size[frame]) / most;
    this.sure = (frame) => bottom - (bottom - top) * reel.shares(frame)[data.label];
    const parts = this.grounds(bottom);
    if (!small) parts.push(...this.shares(top, bottom));
    const rim = bottom - ((bottom - top) * limit) / most;
    if (limit) parts.push(`<path d="M${left} ${rim}H${left + width}" stroke="${FAR}" stroke-width="1.6" stroke-dasharray="2 5"/>`);
    const colours = [ink("blue-color"), FAR];
    [this.sure, this.far].forEach((y, k) => parts.push(this.line(reel.at.map((count, frame) => [this.x(count), y(frame)]), colours[k], 3)));
    this.show(parts, top - 6, colours);
    this.names(small, sized, rim, limit);
    this.scale();
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
        parts.push(this.ground(start, end, bottom, kinds[from]));
        from = frame;
      }
    if (reel.first != null && !lost) parts.push(this.cut(this.x(reel.at[reel.first]), bottom));
    return parts;
  }

  /** Where the network already reads what is wanted, but too far from the digit: that ground says so, if it has room. */
  beyond(top) {
    const { reel, data } = this;
    const wide = reel.at.map((_, frame) => !reel.won[frame] && read(reel.shares(frame)) !== data.label);
    const [from, to] = [wide.indexOf(true), wide.lastIndexOf(true)];
    if (from < 0 || data.target != null) return;
    const node = this.write(`reads ${read(reel.shares(to))}, beyond ε`, this.x(reel.at[from]) + 12, top, false, "name");
    const end = to < reel.final ? this.x(reel.at[to + 1]) : this.left + this.width;
    const other = [...this.svg.querySelectorAll("text.name")].filter((each) => each !== node).map((each) => each.getBBox().x);
    const room = Math.min(end, ...other) - this.x(reel.at[from]);
    if (node.getComputedTextLength() + 24 > room) node.remove();
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
    } else if (reel.unit !== "progress" && read(reel.shares(reel.final)) === data.label) this.write("not fooled", left + 12, top, false, "name blue");
    if (!lost) this.beyond(top);
    this.svg.setAttribute("aria-label", `Distance from the original and confidence in ${data.label}, over what was spent. ${lost ? "Already wrong." : since ?? "Not fooled"}.`);
    if (small || reel.at.length < 2) return;
    const taken = [...this.svg.querySelectorAll("text.name")].map((node) => node.getBBox());
    const label = (text, line, kind) => taken.push(this.label(text, line, kind, taken));
    label(`distance, ${sized(reel.measure, reel.size[reel.final])}`, this.far, "violet");
    label(`confidence in ${data.label}`, this.sure, "blue");
    if (limit && reel.size.every((size) => size > 1.3 * limit || size < 0.7 * limit)) label(`ε = ${limit.toFixed(data.decimals)}`, () => rim, "violet");
  }

  /** Write on a line what it is, where that crosses no line and no other text; as far right as it can. */
  label(text, line, kind, taken) {
    const node = this.write(text, 0, 0, true, kind);
    const [wide, high] = [node.getComputedTextLength(), 20];
    const { left, width, height } = this;
    let best;
    for (let right = left + width - 14; right - wide > left + 8; right -= 24)
      for (const [rise, order] of [[-8, 0], [20, 1], [-22, 2], [34, 3]]) {
        const base = this.level(line, right - wide / 2) + rise;
        if (base < 36 || base > height - 8) continue;
        let cost = (left + width - right) / 60 + order;
        const end = this.x(this.reel.at[this.reel.final]); // where the marker stands until somebody moves it
        if (right - wide < end + 10 && right > end - 10) cost += 8;
        for (const other of [this.far, this.sure])
          for (let at = right - wide; at <= right; at += 12) {
            const y = this.level(other, at);
            if (y > base - 15 && y < base + 5) cost += 4;
          }
        for (const box of taken) if (box.x < right + 6 && box.x + box.width > right - wide - 6 && box.y < base + 4 && box.y + box.height > base - high + 4) cost += 60;
        if (!best || cost < best.cost) best = { cost, right, base };
      }
    if (!best) return node.remove() ?? { x: 0, y: 0, width: 0, height: 0 };
    node.setAttribute("x", best.right);
    node.setAttribute("y", best.base);
    return node.getBBox();
  }

  /** How high a line runs at a place between two frames. */
  level(line, x) {
    const { reel } = this;
    const next = reel.at.findIndex((count) => this.x(count) >= x);
    if (next <= 0) return line(next < 0 ? reel.final : 0);
    const [from, to] = [this.x(reel.at[next - 1]), this.x(reel.at[next])];
    const share = to > from ? (x - from) / (to - from) : 1;
    return line(next - 1) + share * (line(next) - line(next - 1));
  }

  /** What stands under the rail. */
  scale() {
    const { reel, narrow } = this;
    const none = narrow ? "0" : `0 ${unitOf(reel.unit, 0).split(" ")[0]}`;
    this.drawTicks(marks(reel.end, narrow ? 3 : 6), (value) => (value || reel.unit === "progress" ? grouped(value) : none));
  }

  /** Put the line and its two dots at a frame. */
  place(frame) {
    this.mark(this.reel.at[frame], [this.sure(frame), this.far(frame)]);
  }
}
