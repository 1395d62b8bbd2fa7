// What is proven at least and what an attack leaves at most, over ε; what lies between is not known.
import { ink } from "../shared/chart.js";
import { darkened } from "../shared/colours.js";
import { setFigure } from "../shared/figure.js";
import { hear } from "../shared/here.js";
import { mounted } from "../shared/mount.js";
import { Progress } from "../shared/progress.js";
import { way } from "../shared/svg.js";
import { NBSP, setText } from "../shared/words.js";
import { Names } from "./names.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [50, 12, 44, 26];

class Band {
  constructor(root) {
    for (const name of ["band", "sentence", "own", "note", "run", "single"]) this[name] = root.querySelector(`.${name}`);
    this.svg = root.querySelector("svg");
    for (const name of ["run", "single"]) this[name].onclick = () => this.ask(name, this.data.key);
    this.progress = new Progress(root, () => this.ask("stop", this.data.key));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.svg);
    this.deaf = hear((here) => {
      this.here = here;
      this.place();
    });
  }

  leave() {
    this.watcher.disconnect();
    this.deaf();
  }

  update({ data, setTriggerValue }) {
    Object.assign(this, { data, ask: setTriggerValue });
    darkened(this.band);
    const { running, stopped, place, done, total, own, far, whole } = data;
    this.run.hidden = running || whole;
    this.progress.bar.hidden = this.progress.stop.hidden = !running;
    this.progress.show(place, done, total, running || stopped || whole ? far : "");
    setFigure(this.own, own);
    setText(this.single, data.prove);
    this.single.hidden = !data.prove;
    this.draw();
  }

  // ------------------------------------------------------------------------------------------------- what is known
  /** Of how many digits it is proven that nothing within eps fools the network. */
  proven(eps) {
    return this.data.radii.filter((radius) => radius >= eps).length;
  }

  /** How many digits the attack has left standing: no more are safe. Null where it has not begun. */
  left(eps) {
    return this.data.standing.findLast(([at]) => at <= eps + 1e-9)?.[1] ?? null;
  }

  /** The page's ε, or the same share of the slider where the page's norm is another. */
  get eps() {
    const { eps, norm } = this.here ?? this.data;
    const { maxima, most } = this.data;
    return Math.min(norm === "linf" ? eps : (eps / maxima[norm]) * maxima.linf, most);
  }

  // ------------------------------------------------------------------------------------------------------- drawing
  draw() {
    const box = this.svg.getBoundingClientRect();
    if (!box.width || !this.data) return;
    const { radii, standing, most } = this.data;
    const [left, right, bottom] = [LEFT, box.width - RIGHT, box.height - BOTTOM];
    const count = Math.max(radii.length, 1);
    const ends = [this.proven(most), this.left(most) ?? count];
    const low = radii.length ? Math.max(0, Math.floor((10 * Math.min(...ends)) / count - 0.3) / 10) : 0;
    this.x = (eps) => left + ((right - left) * eps) / most;
    const y = (share) => bottom - ((bottom - TOP) * (share - low)) / (1 - low);
    const step = low === 0 ? 0.25 : low >= 0.9 ? 0.05 : low > 0.5 ? 0.1 : 0.2;
    const parts = [];
    for (let share = 1; share >= low - 1e-9; share -= step)
      parts.push(`<path d="M${left} ${y(share)}H${right}" stroke="${ink("border-color")}"/>
        <text x="${left - 8}" y="${y(share) + 5}" text-anchor="end">${Math.round(100 * share)}${share === 1 ? `${NBSP}%` : ""}</text>`);
    for (const eps of box.width < 300 ? [0, 0.2, 0.4] : [0, 0.1, 0.2, 0.3, 0.4])
      parts.push(`<text x="${this.x(eps)}" y="${box.height - 5}" text-anchor="${eps === most ? "end" : "middle"}">${eps ? eps.toFixed(2) : "ε = 0"}</text>`);
    const at = (eps, digits) => [this.x(eps), y(digits / count)];
    const lower = this.stairs(radii.map((radius, at) => [radius, radii.length - at - 1]).filter(([radius]) => radius >= 0 && radius < most), this.proven(0)).map((point) => at(...point));
    const upper = standing.length ? this.stairs(standing.slice(1), standing[0][1], standing.at(-1)[0]).map((point) => at(...point)) : [];
    const line = (points, colour) => `<path d="${way(points)}" fill="none" stroke="${ink(colour)}" stroke-width="3" stroke-linejoin="round"/>`;
    if (upper.length) parts.push(`<path d="${way([...upper, ...this.until(lower, upper.at(-1)[0]).reverse()])}Z" fill="var(--unknown)"/>`);
    parts.push(`<path class="now" d="M0 ${TOP - 22}V${bottom}" stroke="currentColor" stroke-width="2" stroke-dasharray="3 3"/>`);
    if (radii.length) parts.push(line(lower, "blue-color"));
    if (upper.length) parts.push(line(upper, "orange-color"));
    parts.push('<text class="here" y="14" text-anchor="middle">this ε</text>');
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.svg.innerHTML = parts.join("");
    [this.line, this.word] = [".now", ".here"].map((selector) => this.svg.querySelector(selector));
    [this.from, this.to] = [left, right];
    if (radii.length) new Names(this.svg, { left, right, top: 20, bottom }, [lower, upper]).write();
    this.place();
  }

  /** A line that begins at a height and falls at each of the steps [ε, height after it], on to where it ends. */
  stairs(steps, first, end = this.data.most) {
    const points = [[0, first]];
    for (const [eps, height] of steps) points.push([eps, points.at(-1)[1]], [eps, height]);
    return [...points, [end, points.at(-1)[1]]];
  }

  /** The part of a line before x. */
  until(points, x) {
    const before = points.filter((point) => point[0] <= x);
    return [...before, [x, before.at(-1)[1]]];
  }

  // ----------------------------------------------------------------------------------------------- what follows ε
  place() {
    if (!this.data || !this.line) return;
    const { eps } = this;
    const x = this.x(eps);
    this.line.setAttribute("transform", `translate(${x})`);
    const half = this.word.getComputedTextLength() / 2;
    this.word.setAttribute("x", Math.max(this.from - 20 + half, Math.min(this.to - half, x)));
    this.say(eps);
    const { norm } = this.here ?? this.data;
    setText(this.note, norm === "linf" ? "" : `These bounds are in L∞. The page's norm is ${this.data.norm === norm ? this.data.title : norm}: the line stands at the same share of the slider.`);
  }

  say(eps) {
    const { radii, count, offer } = this.data;
    if (!radii.length) {
      setText(this.sentence, offer);
      return;
    }
    const low = this.proven(eps);
    const high = this.left(eps);
    // A bound from below is never rounded up, one from above never down.
    const floor = (Math.floor((1000 * low) / radii.length + 1e-9) / 10).toFixed(1);
    const ceiling = high == null ? "" : (Math.ceil((1000 * high) / radii.length - 1e-9) / 10).toFixed(1);
    const figure = high == null ? `at least ${floor}${NBSP}%` : floor === ceiling ? `exactly ${floor}${NBSP}%` : `${floor} to ${ceiling}${NBSP}%`;
    const digits = radii.length < count ? `the first ${radii.length} digits` : `${count} digits`;
    const said = [`At ε = ${eps.toFixed(3)}, of ${digits} `, figure, " are safe."];
    setFigure(this.sentence, said);
    this.svg.setAttribute("aria-label", `Accuracy against ε. ${said.join("")}`);
  }
}

export default mounted(Band);
