// The hand on the slider: pointer, keys, and Play.
import { setText } from "./words.js";

const PLAY_MS = 6000;

export class Slider {
  /** lab: gives `at`, `eps`, `sweep`, `data`, `say`, and takes `follow(eps)`, `go(row)`, `release()` and `halt()`. */
  constructor(root, lab) {
    this.lab = lab;
    for (const name of ["rail", "thumb", "tip", "done"]) this[name] = root.querySelector(`.${name}`);
    this.dragging = this.playing = false;
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    const dock = root.querySelector(".dock");
    const start = (event) => {
      if (event.button) return;
      lab.halt();
      this.dragging = true;
      dock.setPointerCapture(event.pointerId);
      this.follow(event);
      this.thumb.focus({ preventScroll: true });
      event.preventDefault();
    };
    root.querySelector(".curve").onpointerdown = start;
    this.rail.onpointerdown = start;
    dock.onpointermove = (event) => this.dragging && this.follow(event);
    dock.onpointerup = dock.onpointercancel = () => {
      if (!this.dragging) return;
      this.dragging = false;
      lab.release();
    };
    this.thumb.onkeydown = (event) => this.key(event);
    root.querySelector(".play").onclick = () => this.toggle();
  }

  follow(event) {
    const track = this.rail.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - track.left) / track.width));
    const { lab } = this;
    const { max, step, whole } = lab.data;
    const { epsilons } = lab.sweep;
    lab.follow(whole ? epsilons[lab.sweep.nearest(share * max)] : Math.round((share * max) / step) * step);
  }

  key(event) {
    const { lab } = this;
    const { step, max } = lab.data;
    const here = lab.at;
    const to = { ArrowLeft: here - step, ArrowDown: here - step, ArrowRight: here + step, ArrowUp: here + step,
      PageDown: here - 10 * step, PageUp: here + 10 * step, Home: 0, End: max }[event.key];
    if (event.key === " ") this.toggle();
    else if (to === undefined) return;
    else {
      lab.halt();
      lab.follow(Math.max(0, Math.min(max, Math.round(to / step) * step)));
      clearTimeout(this.pause);
      this.pause = setTimeout(() => lab.release(), 120);
    }
    event.preventDefault();
  }

  toggle() {
    if (this.playing) this.lab.halt(true);
    else this.play();
  }

  play() {
    const { lab } = this;
    const { max } = lab.data;
    this.playing = true;
    lab.lab.classList.add("playing");
    const from = lab.eps >= max ? 0 : lab.eps;
    const began = performance.now() - (PLAY_MS * from) / max;
    const turn = (now) => {
      if (!this.playing) return;
      let share = Math.min(1, (now - began) / PLAY_MS);
      if (this.still.matches) share = Math.floor(share * 12) / 12;
      lab.go(lab.sweep.nearest(share * max));
      if (lab.row >= lab.sweep.last) lab.halt(true);
      else requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  /** Stop playing; true if it was. */
  stop() {
    const was = this.playing;
    this.playing = false;
    this.lab.lab.classList.remove("playing");
    return was;
  }

  /** Put the thumb at an ε. width: the rail's; badge: the verdict in a word. */
  place(eps, width, badge) {
    const { max } = this.lab.data;
    const said = this.lab.say(eps);
    const at = (width * eps) / max;
    this.thumb.style.transform = `translateX(${at}px)`;
    this.done.style.transform = `scaleX(${at / width})`;
    setText(this.tip, `ε = ${said}`);
    this.tip.style.transform = at > width - 150 ? `translateX(calc(${at - 24}px - 100%))` : `translateX(${at + 24}px)`;
    const told = { valuemin: "0", valuemax: String(max), valuenow: said, valuetext: `ε ${said}: ${badge}` };
    for (const [name, value] of Object.entries(told)) this.thumb.setAttribute(`aria-${name}`, value);
  }
}
