// The hand on ε: it goes where the rows are, and Play sweeps ε from where it is to its end.
import { Grip } from "../shared/grip.js";

const PLAY_MS = 6000;

export class Slider extends Grip {
  /** lab: gives `at`, `eps`, `row`, `sweep`, `data`, `say`, and takes `follow(eps)`, `go(row)`, `release()` and `halt()`. */
  constructor(root, lab) {
    super(root, 120, 150);
    this.owner = lab;
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  take() {
    this.owner.halt();
  }

  slide(share) {
    const { data, sweep } = this.owner;
    const { max, step, whole } = data;
    this.owner.follow(whole ? sweep.epsilons[sweep.nearest(share * max)] : Math.round((share * max) / step) * step);
  }

  get reach() {
    const { at, data } = this.owner;
    return { here: at, step: data.step, most: data.max };
  }

  move(eps) {
    this.owner.follow(eps);
  }

  rest() {
    this.owner.release();
  }

  start() {
    const { owner } = this;
    const { max } = owner.data;
    const from = owner.eps >= max ? 0 : owner.eps;
    const began = performance.now() - (PLAY_MS * from) / max;
    this.run((now) => {
      let share = Math.min(1, (now - began) / PLAY_MS);
      if (this.still.matches) share = Math.floor(share * 12) / 12;
      owner.go(owner.sweep.nearest(share * max));
      return owner.row < owner.sweep.last;
    });
  }

  halt() {
    this.owner.halt(true);
  }

  /** Put the thumb at an ε. width: the rail's; badge: the verdict in a word. */
  place(eps, width, badge) {
    const { data, say } = this.owner;
    const said = say(eps);
    this.put((width * eps) / data.max, width, `ε = ${said}`, { valuemax: data.max, valuenow: said, valuetext: `ε ${said}: ${badge}` });
  }
}
