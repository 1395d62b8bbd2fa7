// Digits as points: open diamonds are flagged, dots are not. Colours come with the truth: orange was touched, blue was not.
import { bytes, floats, PIXELS } from "../shared/bytes.js";
import { ink } from "../shared/chart.js";
import { darkened } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { grouped, setText } from "../shared/words.js";

const NEAR = 14; // pixels from a point within which the pointer means it

class Cloud {
  constructor(root) {
    for (const name of ["frame", "near", "axis", "one", "other", "triggers"]) this[name] = root.querySelector(`.${name}`);
    this.svg = root.querySelector("svg");
    this.picture = new Picture(this.near);
    this.svg.onpointermove = (event) => this.point(event);
    this.svg.onpointerleave = () => (this.near.hidden = true);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.svg);
  }

  leave() {
    this.watcher.disconnect();
  }

  update({ data }) {
    this.data = data;
    darkened(this.frame);
    [this.points, this.grey] = [floats(data.points), bytes(data.x)];
    setText(this.axis, !data.plane ? `more suspicious ${"\u2192"}` : "");
    this.near.hidden = true;
    this.count();
    this.draw();
    this.reconstructed();
  }

  /** What stands under the cloud: how many are flagged, or, with the truth, how many were touched. */
  count() {
    const { counts, touched, label } = this.data;
    const { all, found } = counts;
    const marked = touched ? counts.touched : counts.flagged;
    setText(this.one, `${grouped(all - marked)} ${touched ? `untouched, labelled ${label}` : "left in"}`);
    setText(this.other, touched ? `${grouped(marked)} touched, ${grouped(found)} found` : `${grouped(marked)} flagged`);
    this.one.className = `one ${touched ? "blue" : ""}`;
    this.other.className = `other ${touched ? "orange" : ""}`;
    this.svg.setAttribute("aria-label", `Digits labelled ${label}: ${this.one.textContent}; ${this.other.textContent}`);
  }

  draw() {
    const box = this.svg.getBoundingClientRect();
    if (!box.width || !this.data) return;
    const { flagged, touched } = this.data;
    [this.width, this.height] = [box.width, box.height];
    const [dots, diamonds] = [[], []];
    flagged.forEach((open, at) => {
      const [x, y] = this.place(at);
      const colour = !touched ? "currentColor" : touched[at] ? ink("orange-color") : ink("blue-color");
      if (open) diamonds.push(`<path d="M${x} ${y - 5}l5 5-5 5-5-5z" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
      else dots.push(`<circle cx="${x}" cy="${y}" r="3.6" fill="${colour}" fill-opacity="${touched ? 0.55 : 0.35}"/>`);
    });
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.svg.innerHTML = dots.join("") + diamonds.join("");
  }

  place(at) {
    const [x, y] = [this.points[2 * at], this.points[2 * at + 1]];
    return [8 + x * (this.width - 16), 8 + (1 - y) * (this.height - 16)].map((each) => Math.round(10 * each) / 10);
  }

  /** The digit next to the pointer, beside it. */
  point({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [clientX - box.left, clientY - box.top];
    let [best, least] = [-1, NEAR];
    for (let at = 0; at < this.data.flagged.length; at++) {
      const [px, py] = this.place(at);
      const far = Math.hypot(px - x, py - y);
      if (far < least) [best, least] = [at, far];
    }
    this.near.hidden = best < 0;
    if (best < 0) return;
    this.picture.paintDigit((at) => this.grey[best * PIXELS + at]);
    this.near.style.left = `${x > this.width / 2 ? x - 98 : x + 14}px`;
    this.near.style.top = `${Math.max(0, Math.min(this.height - 84, y - 42))}px`;
  }

  /** The smallest changes that turn everything into each class, the suspicious one framed. */
  reconstructed() {
    const { triggers } = this.data;
    if (!triggers) return this.triggers.replaceChildren();
    const grey = bytes(triggers.x);
    this.triggers.replaceChildren(...triggers.anomaly.map((anomaly, digit) => {
      const [figure, canvas, caption, word, odd] = ["figure", "canvas", "figcaption", "b", "span"].map((name) => document.createElement(name));
      Object.assign(canvas, { width: 28, height: 28 });
      new Picture(canvas).paintDigit((at) => grey[digit * PIXELS + at]);
      figure.className = digit === triggers.suspect ? "suspect" : "";
      word.textContent = `to ${digit}`;
      odd.textContent = `odd ${anomaly.toFixed(1).replace("-", "\u2212")}`;
      caption.append(word, odd);
      figure.append(canvas, caption);
      return figure;
    }));
  }
}

export default mounted(Cloud);
