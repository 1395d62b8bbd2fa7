// One of the two: the attacked digit, what the network reads, and its confidence over ε.
import { ink } from "../shared/chart.js";
import { Picture } from "../shared/picture.js";
import { drawn, way } from "../shared/svg.js";
import { read } from "../shared/sweep.js";
import { BADGES, percent, setChip, setClass, setText } from "../shared/words.js";

export class Side {
  constructor() {
    this.node = document.createElement("section");
    this.node.className = "side";
    this.node.innerHTML = `<canvas width="28" height="28" role="img"></canvas>
      <header><h2></h2><span class="badge"><span class="icon" aria-hidden="true"></span><b></b></span></header>
      <div class="reading"><span class="chip"></span><b></b><span class="sure"></span></div>
      <svg class="mini" role="img" preserveAspectRatio="none"></svg><dl></dl>`;
    const one = (selector) => this.node.querySelector(selector);
    this.picture = new Picture(one("canvas"));
    [this.title, this.badge, this.chip, this.reads, this.sure, this.svg, this.list] = ["h2", ".badge", ".chip", ".reading b", ".sure", ".mini", "dl"].map(one);
  }

  take(data, shared, sweep) {
    Object.assign(this, { data, shared, sweep });
    setText(this.title, data.title);
    this.node.setAttribute("aria-label", data.title);
    this.list.innerHTML = data.figures.map(([what, share]) => `<div><dt>${what}</dt><dd>${share}</dd></div>`).join("");
  }

  /** Show a row; returns what is read there. */
  draw(row) {
    const { sweep, shared } = this;
    this.row = row;
    const change = sweep.change(row);
    const gain = sweep.scales[row] / 127;
    this.picture.paintDigit((at) => sweep.original[at] + 255 * change[at] * gain);
    const shares = sweep.shares(row);
    const digit = read(shares);
    setChip(this.chip, digit, shared.label);
    setText(this.reads, `reads ${digit}`);
    setText(this.sure, percent(shares[digit]));
    this.picture.canvas.setAttribute("aria-label", `The digit attacked against ${this.data.title}, read as ${digit}`);
    const lost = read(sweep.before) !== shared.label;
    const kind = lost ? "wrong" : sweep.epsilons[row] === 0 ? "start" : sweep.success[row] ? "fooled" : digit === shared.label ? "held" : "off";
    setClass(this.badge, `badge ${kind}`);
    setText(this.badge.lastElementChild, BADGES[kind]);
    this.place();
    return digit;
  }

  place() {
    if (!this.marker || this.row === undefined) return;
    const x = this.x(this.sweep.epsilons[this.row]);
    this.marker.setAttribute("transform", `translate(${x})`);
    this.heights(this.row).forEach((y, k) => this.dots[k].setAttribute("transform", `translate(${x} ${y})`));
  }

  layout(say) {
    const box = this.svg.getBoundingClientRect();
    if (!box.width) return;
    const { sweep, shared } = this;
    const [left, right, top, bottom] = [8, box.width - 8, 24, box.height - 4];
    this.x = (eps) => left + ((right - left) * eps) / shared.max;
    const y = (share) => bottom - (bottom - top) * share;
    const rival = (row) => shared.target ?? read(sweep.shares(row), shared.label);
    this.heights = (row) => [rival(row), shared.label].map((digit) => y(sweep.shares(row)[digit]));
    const first = sweep.success.findIndex(Boolean);
    const lost = read(sweep.before) !== shared.label;
    const cut = first < 0 ? right : this.x(sweep.epsilons[first]);
    const ground = (from, to, name) => `<rect x="${from}" y="0" width="${Math.max(to - from, 0)}" height="${bottom}" fill="${ink(`${name}-background-color`)}"/>`;
    const colours = [ink("orange-color"), ink("blue-color")];
    const line = (k) => `<path d="${way(sweep.epsilons.map((eps, row) => [this.x(eps), this.heights(row)[k]]))}" fill="none" stroke="${colours[k]}" stroke-width="3" stroke-linejoin="round"/>`;
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.svg.innerHTML = [ground(left, cut, lost ? "gray" : "blue"), first >= 0 ? ground(cut, right, "orange") : "", line(0), line(1),
      `<path class="now" d="M0 22V${bottom + 4}" stroke="currentColor" stroke-width="2"/>`,
      ...colours.map((fill) => `<circle class="dot" r="5.5" fill="${fill}" stroke="${ink("background-color")}" stroke-width="2"/>`)].join("");
    this.marker = this.svg.querySelector(".now");
    this.dots = [...this.svg.querySelectorAll(".dot")];
    const words = lost ? "already wrong before any attack" : first < 0 ? `not fooled up to ε = ${say(shared.max)}` : `fooled from ε = ${say(sweep.epsilons[first])}`;
    const node = this.svg.insertBefore(drawn("text", { class: `name ${lost ? "" : first < 0 ? "blue" : "orange"}`, y: 17, x: left + 6 }, words), this.marker);
    const wide = node.getComputedTextLength();
    if (first >= 0 && !lost) {
      const after = right - cut > wide + 16;
      node.setAttribute("x", after ? cut + 8 : Math.max(left + 6, cut - wide - 8));
    }
    this.place();
    this.svg.setAttribute("aria-label", `${this.data.title}: confidence against ε, ${words}`);
  }
}
