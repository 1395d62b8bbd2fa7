// One attack on two networks: two sweeps over the same ε, one slider, and a headline that says how they differ.
import { darkened } from "../shared/colours.js";
import { giveNumbers, keep, offer } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { Sheet } from "../shared/sheet.js";
import { read, Sweep } from "../shared/sweep.js";
import { ahead, setChip, setText } from "../shared/words.js";
import { Slider } from "../scrubber/slider.js";
import { tell } from "../shared/here.js";
import { Side } from "./side.js";

class Duel {
  constructor(root) {
    for (const name of ["lab", "verdict", "sentence", "sides", "going", "far", "stop", "ticks"]) this[name] = root.querySelector(`.${name}`);
    this.live = root.querySelector(".hidden");
    this.pair = [0, 1].map(() => new Side());
    this.sides.replaceChildren(...this.pair.map(({ node }) => node));
    this.slider = new Slider(root, this);
    this.at = this.row = 0;
    this.held = null; // { eps, norm } where the visitor's hand went, until an answer knows of it
    this.say = (eps) => eps.toFixed(this.data.decimals);
    this.stop.onclick = () => this.ask("stop", this.data.key);
    this.watcher = new ResizeObserver(() => this.layout());
    this.watcher.observe(this.sides);
    offer(root, () => this.told(), {
      picture: () => this.savePicture(),
      numbers: () => this.saveNumbers(),
      code: () => this.ask("code", this.data.key),
    });
  }

  leave() {
    this.watcher.disconnect();
    this.halt();
  }

  get sweep() {
    return this.pair[0].sweep;
  }

  get eps() {
    return this.sweep.epsilons[this.row];
  }

  // ------------------------------------------------------------------------------------------------ what Python sent
  update({ data, setTriggerValue, setStateValue }) {
    this.ask = setTriggerValue;
    this.put = setStateValue;
    const fresh = data.key !== this.data?.key;
    if (this.held && Math.abs(data.eps - this.held.eps) <= 0.51 * data.step) this.held = null;
    if (fresh) this.slider.stop();
    this.data = data;
    darkened(this.lab);
    this.lab.classList.toggle("working", data.running);
    this.going.hidden = !data.running;
    setText(this.far, data.place ? ahead(data.place) : `Attacking… ${data.done} of ${data.total}`);
    this.pair.forEach((side, at) => side.take(data.sides[at], data, new Sweep(data.sides[at].sweep)));
    if (fresh) this.at = this.held?.norm === data.norm ? this.held.eps : data.eps;
    this.row = this.sweep.nearest(this.at);
    this.draw();
    this.layout();
    keep(this.told());
  }

  // ------------------------------------------------------------------------------------------------------- one row
  draw() {
    if (!this.data) return;
    const reads = this.pair.map((side) => side.draw(this.row, this.at));
    this.speak(reads);
    this.place();
    tell(this.eps, this.data.norm);
  }

  /** The headline: what either network reads, side by side. */
  speak(reads) {
    const { label, sides } = this.data;
    const known = reads.join() + label + this.data.key;
    if (known === this.headline) return;
    this.headline = known;
    const chips = reads.map((digit) => {
      const [whole, chip] = [document.createElement("span"), document.createElement("span")];
      setChip(chip, digit, label);
      whole.className = "ends"; // the full stop stays with the chip
      whole.append(chip, ".");
      return whole;
    });
    const still = (digit) => (digit === label && this.row ? "still reads" : "reads");
    const alike = reads[0] === reads[1];
    this.verdict.replaceChildren(...(alike
      ? [reads[0] === label && this.row ? "Both still read " : "Both read ", chips[0]]
      : [`${sides[0].title} ${still(reads[0])} `, chips[0], ` ${sides[1].title} ${still(reads[1])} `, chips[1]]));
    const won = this.pair.map(({ sweep }) => sweep.success.findIndex(Boolean));
    const from = (at) => (won[at] < 0 ? `${sides[at].title} holds up to ${this.say(this.data.max)}` : `${sides[at].title} is fooled from ε = ${this.say(this.sweep.epsilons[won[at]])}`);
    setText(this.sentence, sides[0].name === sides[1].name ? `${from(0)}.` : `${from(0)}; ${from(1)}.`);
  }

  layout() {
    if (!this.data) return;
    const rail = this.slider.rail.getBoundingClientRect();
    this.width = rail.width;
    this.pair.forEach((side) => side.layout(this.say));
    const { max, decimals } = this.data;
    const count = rail.width < 420 ? 3 : 6;
    this.ticks.replaceChildren(...[...Array(count + 1).keys()].map((at) => {
      const mark = document.createElement("span");
      mark.textContent = at ? ((max * at) / count).toFixed(Math.max(decimals - 1, 0)) : "ε = 0";
      mark.style.left = `${(100 * at) / count}%`;
      return mark;
    }));
    this.place();
  }

  place() {
    if (this.width) this.slider.place(this.data.running ? this.at : this.eps, this.width, this.verdict.textContent);
  }

  // ------------------------------------------------------------------------------------------------ where ε moves to
  go(row) {
    this.want(this.sweep.epsilons[row]);
  }

  follow(eps) {
    this.want(eps);
    this.held = { eps: this.at, norm: this.data.norm };
  }

  want(eps) {
    this.at = eps;
    this.row = this.sweep.nearest(eps);
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  release() {
    this.live.textContent = this.verdict.textContent;
    this.held = { eps: this.at, norm: this.data.norm };
    keep(this.told());
    this.put("eps", +this.at.toFixed(6));
  }

  halt(say = false) {
    if (this.slider.stop() && say) this.release();
  }

  // ------------------------------------------------------------------------------------------------ to take away
  told() {
    const picks = new URLSearchParams(this.data.link);
    picks.set("eps", this.say(this.eps));
    return { ...this.data, link: picks.toString(), file: `${this.data.file}-eps-${this.say(this.eps)}` };
  }

  saveNumbers() {
    const { data, row } = this;
    giveNumbers(this.told(), {
      setting: data.setting, label: data.label, target: data.target, norm: data.norm, eps: this.eps,
      networks: this.pair.map(({ sweep, data: side }) => ({
        network: side.name, success: sweep.success[row], linf: sweep.linf[row], l2: sweep.l2[row],
        probabilities_before: [...sweep.before], probabilities_after: [...sweep.shares(row)], ...sweep.pictures(row),
        curve: sweep.epsilons.map((eps, at) => ({ eps, success: sweep.success[at], probabilities: [...sweep.shares(at)] })),
      })),
    });
  }

  savePicture() {
    const [side, rim] = [280, 24];
    const sheet = new Sheet(this.lab, 2 * side + 3 * rim + 160, side + 142);
    sheet.write(this.verdict.textContent, rim, 42, "700 24px", sheet.canvas.width - 2 * rim);
    this.pair.forEach(({ picture, data, sweep }, at) => {
      const x = rim + at * (side + rim + 80);
      sheet.picture(picture.canvas, x, 64, side);
      sheet.write(`${data.title}: reads ${read(sweep.shares(this.row))}`, x, side + 90, "16px", side + 70);
    });
    sheet.write(`${this.data.caption}, ε = ${this.say(this.eps)}`, rim, side + 122, "16px", sheet.canvas.width - 2 * rim);
    sheet.give(this.told());
  }
}

export default mounted(Duel);
