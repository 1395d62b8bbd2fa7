// The curve over ε: the confidence in the digit and in its rival, and from where on the attack has won.
import { Chart, ink } from "../shared/chart.js";
import { read } from "../shared/sweep.js";

export class Curve extends Chart {
  draw(sweep, data, say) {
    this.data = data;
    this.span = data.max;
    this.scale();
    const { height, left, width } = this;
    const small = height < 100;
    const top = small ? 30 : 44;
    const bottom = height - (small ? 2 : 4);
    const y = (p) => bottom - (bottom - top) * p;
    // The rival is whichever other digit is likeliest there: an attack may lead through one class into another.
    this.rival = (row) => data.target ?? read(sweep.shares(row), data.label);
    this.heights = (row) => [this.rival(row), data.label].map((digit) => y(sweep.shares(row)[digit]));
    this.svg.classList.toggle("waiting", !data.whole);
    if (!data.whole && this.marker) return; // a few rows make no curve: the old one stands back until the whole is here
    const lost = read(sweep.before) !== data.label;
    const first = sweep.success.findIndex(Boolean);
    const right = left + width;
    // An attack that looks for the smallest change knows its size better than the rows do.
    const won = first < 0 ? null : Math.min(sweep.epsilons[first], (data.minimises && sweep.found) || Infinity);
    const cut = won == null ? right : this.x(won);
    const parts = [this.ground(left, cut, bottom, lost ? "gray" : "blue")];
    if (first >= 0) parts.push(this.ground(cut, right, bottom, "orange"), this.cut(cut, bottom));
    if (!small) parts.push(...this.shares(top, bottom));
    const colours = [ink("orange-color"), ink("blue-color")];
    colours.forEach((colour, k) => parts.push(this.line(sweep.epsilons.map((eps, row) => [this.x(eps), this.heights(row)[k]]), colour, 3.2)));
    if (!small) parts.push(...this.tags(sweep));
    this.show(parts, top - 8, colours);
    const told = this.names(sweep, { first, won, cut, lost, say, line: small ? 19 : 25 });
    this.svg.setAttribute("aria-label", `Confidence against ε. ${told}.`);
  }

  /** What the two lines are, written at their right ends. */
  tags(sweep) {
    const shares = sweep.shares(sweep.last);
    const [theirs, own] = this.heights(sweep.last);
    const rival = this.rival(sweep.last);
    const tag = (share, y, text, name) => `<text class="${name}" x="${this.left + this.width - 12}" y="${y + (share > 0.5 ? 24 : -9)}" text-anchor="end">${text}</text>`;
    const won = sweep.epsilons.map((_, row) => this.rival(row)).filter((_, row) => sweep.success[row]);
    const [first = rival, ...others] = [...new Set(won)];
    const named = others.length > 1 ? "in what it reads instead" : others.length ? `in ${first}, then ${others[0]}` : `in ${first}`;
    const apart = Math.abs(shares[rival] - shares[this.data.label]) > 0.35;
    return [tag(shares[this.data.label], own, `confidence in ${this.data.label}`, "blue"), apart ? tag(shares[rival], theirs, `confidence ${named}`, "orange") : ""];
  }

  /** What the two grounds are, each written on its own side of the dividing line if there is room at all. */
  names(sweep, { first, won, cut, lost, say, line }) {
    const { target, label } = this.data;
    const right = this.left + this.width;
    const write = (text, x, end, kind) => this.write(text, x, line, end, `name ${kind}`);
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

  /** What stands under the rail. */
  scale() {
    const { narrow, data } = this;
    const places = Math.max(0, data.decimals - 1);
    const round = (count) => Math.abs(+(data.max / count).toFixed(places) - data.max / count) < 1e-9;
    const count = (narrow ? [3, 2] : [6, 5, 4]).find(round) ?? 1;
    const values = [...Array(count + 1).keys()].map((at) => (data.max * at) / count);
    this.drawTicks(values, (value) => (value ? value.toFixed(places) : narrow ? "0" : "ε = 0"));
  }

  /** Put the line and its two dots at a row. */
  place(sweep, row) {
    this.mark(sweep.epsilons[row], this.heights(row));
  }
}
