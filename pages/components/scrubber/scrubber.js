// The scrubber. The whole sweep lies here: dragging reads it and draws, and the server hears of it on release only.
// cursor.js, a component of its own, brings ε and what was asked for at that ε; the two meet over a question's key.
import { keep, offer } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { bound } from "../shared/plates.js";
import { Stage } from "../shared/stage.js";
import { Rows, Sweep } from "../shared/sweep.js";
import { setText } from "../shared/words.js";
import { Curve } from "./curve.js";
import { Slider } from "./slider.js";
import { here, saveNumbers } from "./takeaway.js";
import { verdict } from "./verdict.js";

class Lab extends Stage {
  constructor(root) {
    super(root);
    const one = (selector) => root.querySelector(selector);
    this.pathButton = one(".path");
    this.spent = one(".spent");
    this.forwardsName = one(".spent div:has(> .forwards) dt");
    [this.gradients, this.forwards] = [one(".gradients"), one(".forwards")];
    this.curve = new Curve(root);
    this.slider = new Slider(root, this);
    this.row = this.at = 0; // at: the ε where the visitor is; row: the nearest that there is
    this.held = null; // { eps, norm } where the visitor's hand or Play went, until an answer knows of it
    this.say = (eps) => eps.toFixed(this.data.decimals);
    this.pathButton.onclick = () => this.askPath();
    offer(root, () => here(this), {
      picture: () => this.plates.sheet(this.verdict.textContent, `${this.data.caption}, ε = ${this.say(this.eps)}`).give(here(this)),
      numbers: () => saveNumbers(this),
      code: () => this.cursor?.setTriggerValue("code", this.eps),
    });
    this.listener = () => this.meet();
    window.addEventListener("epsilon-cursor", this.listener);
  }

  leave() {
    super.leave();
    this.halt();
    window.removeEventListener("epsilon-cursor", this.listener);
  }

  get eps() {
    return this.sweep.epsilons[this.row];
  }

  // ------------------------------------------------------------------------------------------------ what Python sent
  update({ data, setTriggerValue }) {
    this.offered = data;
    this.meet();
    if (!data.whole && this.askedFor !== data.key) setTriggerValue("whole", data.key);
    this.askedFor = data.whole ? null : data.key;
  }

  /** Show what came, once the sweep and the cursor are about the same question, whichever was here first. */
  meet() {
    const { offered } = this;
    this.cursor = window.epsilonCursor;
    if (!this.cursor) this.lab.classList.remove("working"); // an error stands in its place
    this.hear();
    if (!offered || offered.key !== this.cursor?.data.key) return;
    const first = !this.data;
    if (this.plates.readTheme()) this.drawn = null;
    const fresh = offered.key !== this.data?.key;
    const { eps, row, film } = this.cursor.data;
    if (fresh) {
      this.halt();
      this.at = this.held?.norm === offered.norm ? this.held.eps : eps;
    }
    if (offered !== this.data) this.grid = new Sweep(offered.sweep);
    if (offered !== this.data || row !== this.extra) {
      this.data = offered;
      this.extra = row;
      const between = row && !this.grid.has(row.epsilons[0], offered.step / 100);
      this.sweep = between ? this.grid.with(new Sweep(row)) : this.grid;
      this.row = this.sweep.nearest(this.at);
      this.plates.drawOriginal(this.sweep, this.data);
      this.layout();
    }
    this.wait();
    this.spent.classList.toggle("queries", !this.data.gradients);
    setText(this.forwardsName, this.data.gradients ? "forward passes" : "queries");
    this.pathButton.hidden = !this.data.steps;
    if (film && film.id !== this.filmSeen && film.scales.length > 1 && !first) this.playFilm(film);
    this.filmSeen = film?.id;
    this.draw();
    keep(here(this));
  }

  /** An answer that was under way when the thumb moved says an older ε: it must not take the thumb back. */
  hear() {
    if (this.held && Math.abs(this.cursor?.data.eps - this.held.eps) <= 0.51 * this.data.step) this.held = null;
  }

  /** The picture stands back while Python works out the row at this ε, or the steps that were asked for. */
  wait(forSteps = false) {
    this.lab.classList.toggle("working", forSteps || !this.sweep.has(this.at, this.data.step / 100));
  }

  // ------------------------------------------------------------------------------------------------------- one row
  draw() {
    if (!this.sweep) return;
    const { sweep, data, row } = this;
    if (this.drawn?.sweep !== sweep || this.drawn.row !== row) {
      this.drawn = { sweep, row };
      this.plates.drawRow(sweep, row, bound(data, this.eps), this.curve.narrow);
      this.plates.drawSizes(sweep, row);
      setText(this.gradients, sweep.gradients[row].toLocaleString("en"));
      setText(this.forwards, sweep.forwards[row].toLocaleString("en"));
      setText(this.plates.after.note, `ε = ${this.say(this.eps)}`);
      this.speak(verdict(sweep, data, row, this.say));
    }
    this.place();
  }

  layout() {
    if (!this.sweep || !this.curve.measure()) return;
    this.curve.draw(this.sweep, this.data, this.say);
    this.place();
  }

  place() {
    if (!this.curve.width) return;
    this.curve.place(this.sweep, this.row);
    // Of few rows the nearest is no answer: the thumb stays under the finger.
    this.slider.place(this.data.whole ? this.eps : this.at, this.curve.width, this.word.textContent);
  }

  // ------------------------------------------------------------------------------------------------- where ε moves to
  /** Show a row. */
  go(row) {
    this.want(this.sweep.epsilons[row]);
  }

  /** Go to where the visitor's hand is. */
  follow(eps) {
    this.want(eps);
    this.hold();
  }

  hold() {
    this.held = { eps: this.at, norm: this.data.norm };
  }

  /** Go to an ε; where that lies between two of the sweep's, Python will work out that one once it hears of it. */
  want(eps) {
    const row = this.sweep.nearest(eps);
    const moved = row !== this.row || this.film;
    this.film = null;
    this.at = eps;
    this.row = row;
    this.wait();
    if (moved || !this.data.whole) this.soon();
  }

  release() {
    this.announce();
    this.hold();
    keep(here(this));
    this.cursor?.setStateValue("eps", +this.at.toFixed(6));
  }

  /** Stop whatever plays. tell: and let Python know where. */
  halt(tell = false) {
    const film = this.film;
    this.film = null;
    if (!this.slider.stop() && !film) return;
    this.drawn = null;
    if (tell) this.release();
  }

  // ---------------------------------------------------------------------------------------- the attack's own iterates
  askPath() {
    this.halt();
    this.wait(true);
    this.cursor?.setTriggerValue("path", this.eps);
  }

  playFilm(film) {
    const rows = new Rows(film);
    const count = film.scales.length;
    this.go(this.sweep.nearest(film.eps));
    this.draw();
    this.film = film;
    const began = performance.now();
    const each = Math.max(60, Math.min(400, 4000 / count));
    const limit = bound(this.data, film.eps);
    const turn = (now) => {
      if (this.film !== film) return;
      const step = Math.max(0, Math.min(count - 1, Math.floor((now - began) / each))); // a frame may predate its request
      this.plates.drawRow(rows, step, limit, this.curve.narrow);
      setText(this.plates.after.note, `step ${step} of ${count - 1}`);
      if (step < count - 1) requestAnimationFrame(turn);
      else setTimeout(() => this.film === film && (this.halt(), this.draw()), 900);
    };
    requestAnimationFrame(turn);
  }
}

export default mounted(Lab);
