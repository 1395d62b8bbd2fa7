// The curve over ε: the confidence in the digit and in its rival, and from where on the attack has won.
import { read } from "./sweep.js";
import { NBSP } from "./words.js";

const color = (name) => `var(--st-${name})`;
const line = (points, name) =>
  `<path d="M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}" fill="none" stroke="${color(name)}" stroke-width="3.2" stroke-linejoin="round"/>`;

export class Curve {
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

  x(eps) {
    return this.left + (this.width * eps) / this.data.max;
  }

  draw(sweep, data, say) {
    this.data = data;
    this.drawTicks();
    const { height, left, width } = this;
    const small = height < 100;
    const top = small ? 30 : 44;
    const bottom = height - (small ? 2 : 4);
    const y = (p) => bottom - (bottom - top) * p;
    const seen = sweep.epsilons.map((_, row) => read(sweep.shares(row))).filter((digit) => digit !== data.label);
    const rival = data.target ?? seen.at(-1) ?? read(sweep.shares(sweep.last), data.label);
    this.lines = { own: data.label, rival, y };
    this.svg.classList.toggle("waiting", !data.whole);
    if (!data.whole && this.marker) return; // a few rows make no curve: the old one stands back until the whole is here
    const lost = read(sweep.before) !== data.label;
    const first = sweep.success.findIndex(Boolean);
    const right = left + width;
    // An attack that looks for the smallest change knows its size better than the rows do.
    const won = first < 0 ? null : Math.min(sweep.epsilons[first], (data.minimises && sweep.found) || Infinity);
    const cut = won == null ? right : this.x(won);
    const ground = (from, to, name) =>
      `<rect x="${from}" y="0" width="${Math.max(to - from, 0)}" height="${bottom}" fill="${color(`${name}-background-color`)}"/>`;
    const parts = [ground(left, cut, lost ? "gray" : "blue")];
    if (first >= 0) parts.push(ground(cut, right, "orange"), `<path d="M${cut} 0V${bottom}" stroke="currentColor" stroke-width="2"/>`);
    if (!small)
      for (const [share, text] of [[1, `100${NBSP}%`], [0.5, "50"], [0, "0"]])
        parts.push(`<text x="${left - 10}" y="${y(share) + 5}" text-anchor="end">${text}</text>`);
    for (const [digit, name] of [[rival, "orange-color"], [data.label, "blue-color"]])
      parts.push(line(sweep.epsilons.map((eps, row) => [this.x(eps), y(sweep.shares(row)[digit])]), name));
    if (!small) parts.push(...this.tags(sweep, rival, y));
    parts.push(`<path class="now" d="M0 ${top - 8}V${height + 8}" stroke="currentColor" stroke-width="2.4"/>`,
      ...["orange", "blue"].map((name) => `<circle class="dot" r="7" fill="${color(`${name}-color`)}" stroke="${color("background-color")}" stroke-width="2.5"/>`));
    this.svg.setAttribute("viewBox", `0 0 ${this.all} ${height}`);
    this.svg.innerHTML = parts.join("");
    this.marker = this.svg.querySelector(".now");
    this.dots = [...this.svg.querySelectorAll(".dot")];
    const told = this.names(sweep, { first, won, cut, lost, say, line: small ? 19 : 25 });
    this.svg.setAttribute("aria-label", `Confidence against ε. ${told}.`);
  }

  /** What the two lines are, written at their right ends. */
  tags(sweep, rival, y) {
    const shares = sweep.shares(sweep.last);
    const tag = (digit, name) => {
      const at = y(shares[digit]) + (shares[digit] > 0.5 ? 24 : -9);
      return `<text class="${name}" x="${this.left + this.width - 12}" y="${at}" text-anchor="end">confidence in ${digit}</text>`;
    };
    const apart = Math.abs(shares[rival] - shares[this.data.label]) > 0.35;
    return [tag(this.data.label, "blue"), apart ? tag(rival, "orange") : ""];
  }

  /** What the two grounds are, each written on its own side of the dividing line if there is room at all. */
  names(sweep, { first, won, cut, lost, say, line }) {
    const { target, label } = this.data;
    const right = this.left + this.width;
    const write = (text, x, end, kind) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", "text");
      node.textContent = text;
      for (const [name, value] of Object.entries({ class: `name ${kind}`, x, y: line, "text-anchor": end ? "end" : "start" })) node.setAttribute(name, value);
      this.svg.insertBefore(node, this.marker);
      return node;
    };
    const widths = (texts) => {
      const nodes = texts.map((text) => write(text, 0, false, ""));
      const measured = nodes.map((node) => node.getComputedTextLength());
      for (const node of nodes) node.remove();
      return measured;
    };
    const kind = lost ? "" : "blue";
    if (first < 0) {
      const never = target == null ? "not fooled" : `never reads ${target}`;
      const text = lost ? "already wrong before any attack" : `${never} up to ε = ${say(sweep.epsilons[sweep.last])}`;
      write(text, this.left + 12, false, kind);
      return text;
    }
    const reads = lost ? "already wrong before any attack" : `reads ${label}`;
    const from = `from ε = ${say(won)}`;
    const what = target == null ? `reads ${read(sweep.shares(first))}: fooled` : `reads ${target}`;
    const long = `${what} ${from}`;
    const short = target == null ? `fooled ${from}` : long;
    const [own, ...wide] = widths([reads, long, short]);
    const before = cut - this.left - 20;
    const sides = [
      { room: right - cut - 20, x: cut + 12, end: false, with: own <= before },
      { room: before - own - 16, x: cut - 10, end: true, with: true },
      { room: before, x: cut - 10, end: true, with: false },
    ];
    const side = sides.find(({ room }) => wide[1] <= room);
    if (side) write(wide[0] <= side.room ? long : short, side.x, side.end, "orange");
    if (side ? side.with : own <= before) write(reads, this.left + 12, false, kind);
    return `${reads}; ${long}`;
  }

  drawTicks() {
    const { narrow, data } = this;
    const places = Math.max(0, data.decimals - 1);
    const round = (count) => Math.abs(+(data.max / count).toFixed(places) - data.max / count) < 1e-9;
    const count = (narrow ? [3, 2] : [6, 5, 4]).find(round) ?? 1;
    const values = [...Array(count + 1).keys()].map((at) => (data.max * at) / count);
    this.ticks.replaceChildren(
      ...values.map((value, at) => {
        const mark = document.createElement("span");
        mark.textContent = at ? value.toFixed(places) : narrow ? "0" : "ε = 0";
        mark.style.left = `${(100 * value) / data.max}%`;
        return mark;
      }),
    );
  }

  /** Put the line and its two dots at a row. */
  place(sweep, row) {
    if (!this.marker) return;
    const x = this.x(sweep.epsilons[row]);
    this.marker.setAttribute("transform", `translate(${x})`);
    [this.lines.rival, this.lines.own].forEach((digit, k) =>
      this.dots[k].setAttribute("transform", `translate(${x} ${this.lines.y(sweep.shares(row)[digit])})`));
  }
}
