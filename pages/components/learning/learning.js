// One figure: whatever of pictures, a slider, a curve and bars Python sent, one under the other.
import { darkened, palette } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { read, Sweep } from "../shared/sweep.js";
import { ahead, setText } from "../shared/words.js";
import { bars } from "./bars.js";
import { Cards } from "./cards.js";
import { curve } from "./curve.js";

class Learning {
  constructor(root) {
    for (const name of ["learning", "cards", "hand", "lines", "bars", "foot"]) this[name] = root.querySelector(`.${name}`);
    [this.output, this.input] = this.hand.children;
    this.input.oninput = () => this.drag();
    this.watcher = new ResizeObserver(() => this.layout());
    this.watcher.observe(this.learning);
  }

  leave() {
    this.watcher.disconnect();
  }

  update({ data }) {
    const told = JSON.stringify(data);
    const dark = darkened(this.learning);
    if (told === this.told && dark === this.dark) return;
    const fresh = told !== this.told;
    Object.assign(this, { data, told, dark, tones: palette(this.learning) });
    this.learning.classList.toggle("waits", !!data.waits);
    setText(this.foot, data.waits ? (data.place ? ahead(data.place) : "Computing…") : data.foot ?? "");
    this.hand.hidden = !data.sweep;
    this.plates = new Cards(this.cards, this.tones);
    if (data.sweep) this.take(fresh);
    else this.plates.show(data.cards ?? []);
    bars(this.bars, data.bars ?? [], data.log);
    this.layout();
  }

  /** A sweep: three pictures that the slider moves. */
  take(fresh) {
    this.sweep = new Sweep(this.data.sweep);
    this.input.max = this.sweep.last;
    if (fresh) this.input.value = this.sweep.nearest(this.data.eps);
    this.drag();
  }

  drag() {
    const { sweep, data, plates } = this;
    const row = +this.input.value;
    const shares = sweep.shares(row);
    const [was, now] = [read(sweep.before), read(shares)];
    const { label } = data;
    const limit = sweep.epsilons[row] || 1;
    plates.show([
      { title: "Digit", level: (at) => sweep.original[at], chip: was, label, sure: sweep.before[was] },
      { title: "Change", sign: "+", share: (at) => (sweep.change(row)[at] * sweep.scales[row]) / 127 / limit, note: `${sweep.linf[row].toFixed(3)} at most` },
      { title: "Attacked", sign: "=", level: (at) => sweep.original[at] + (255 * sweep.change(row)[at] * sweep.scales[row]) / 127, chip: now, label, sure: shares[now] },
    ]);
    const eps = `ε = ${sweep.epsilons[row].toFixed(3)}`;
    setText(this.output, eps);
    this.input.setAttribute("aria-valuetext", `${eps}, the network reads ${now}`);
    this.input.style.setProperty("--done", `${(100 * row) / sweep.last}%`);
  }

  layout() {
    if (this.data?.curve) curve(this.lines, this.data.curve);
    this.lines.style.display = this.data?.curve ? "" : "none";
  }
}

export default mounted(Learning);
