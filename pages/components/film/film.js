// An attack as a film: what it tried, what each try had cost, how far it was from the digit, and when it had won.
// The frames lie here: playing and dragging ask the server nothing.
import { keep, offer } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { bound } from "../shared/plates.js";
import { Progress } from "../shared/progress.js";
import { Stage } from "../shared/stage.js";
import { ahead, grouped, setText } from "../shared/words.js";
import { Graph } from "./graph.js";
import { Hand } from "./hand.js";
import { Reel } from "./reel.js";
import { told, unitOf } from "./said.js";
import { fill } from "./table.js";
import { saveNumbers } from "./takeaway.js";

const DIGITS = { linf: 3, l2: 2, l1: 1, l0: 0, warp: 2 };

class Film extends Stage {
  constructor(root) {
    super(root);
    for (const name of ["unit", "count", "of"]) this[name] = root.querySelector(`.${name}`);
    this.body = root.querySelector("tbody");
    this.work = new Progress(root, () => this.ask("stop", this.data.key));
    this.graph = new Graph(root);
    this.hand = new Hand(root, this);
    this.frame = 0;
    this.sized = (norm, size) => (norm === "l0" ? `${Math.round(size)} pixels` : `${size.toFixed(DIGITS[norm])} in ${this.data.norms[norm]}`);
    offer(root, () => this.data, {
      picture: () => this.plates.sheet(this.verdict.textContent, `${this.data.caption}, picture ${this.frame + 1} of the film`).give(this.data),
      numbers: () => saveNumbers(this),
      code: () => this.ask("code", this.data.key),
    });
  }

  leave() {
    super.leave();
    this.hand.halt();
  }

  update({ data, setTriggerValue }) {
    this.ask = setTriggerValue;
    const other = this.data?.original !== data.original || this.data?.before !== data.before;
    this.data = data;
    keep(data);
    const fresh = data.film ? data.film.change !== this.packed?.change || data.key !== this.known : other || !this.reel;
    if (fresh) {
      this.hand.halt();
      this.packed = data.film;
      this.known = data.film ? data.key : null;
      this.reel = data.film ? new Reel(data.film) : Reel.still(data);
      this.frame = this.reel.final; // what it came to; Play begins again
    }
    this.lab.classList.toggle("working", !data.whole && data.running);
    const themed = this.plates.readTheme();
    if (fresh || themed) {
      this.plates.drawOriginal(this.reel, data);
      this.layout();
    }
    this.drawn = null;
    this.draw();
    this.progress();
    fill(this.body, data, this.sized, (knows) => this.ask("knows", knows));
  }

  progress() {
    const { data, work } = this;
    const all = data.rows.length;
    const come = data.rows.filter((row) => row.reads != null || row.fault).length;
    const share = data.whole ? come / all : data.done / Math.max(data.total, 1) / all;
    work.show(data.place, 100 * share, 100, data.running ? `${come} of ${all}` : data.stopped ? `stopped at ${come} of ${all}` : "");
    for (const node of [work.bar, work.stop]) node.classList.toggle("idle", !data.running);
    work.stop.disabled = !data.running;
  }

  // ---------------------------------------------------------------------------------------------------------- one frame
  go(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    this.soon();
  }

  draw() {
    const { reel, data, frame } = this;
    if (!reel || this.drawn === frame) return;
    this.drawn = frame;
    this.plates.drawRow(reel, frame, bound(data, data.eps), this.graph.narrow);
    this.plates.drawSizes(reel, frame);
    setText(this.plates.after.note, `picture ${frame + 1} of ${reel.final + 1}`);
    const asked = reel.unit === "steps" ? 0 : reel.at[frame];
    const unit = reel.unit === "steps" ? "queries" : reel.unit;
    setText(this.count, reel.unit === "progress" ? "…" : grouped(asked));
    setText(this.unit, reel.unit === "progress" ? "" : unitOf(unit, asked));
    setText(this.of, reel.unit === "progress" || reel.unit === "steps" ? "" : `of ${grouped(reel.end)}`);
    this.speak(told(reel, data, frame, this.sized), !data.whole && data.running ? this.atWork() : null);
    this.place();
  }

  atWork() {
    const { place, done, total, attack } = this.data;
    return place ? `${ahead(place)}.` : `${attack} is at work${done ? `: ${grouped(done)} of ${grouped(total)}` : ""}.`;
  }

  layout() {
    if (!this.reel || !this.graph.measure()) return;
    this.graph.draw(this.reel, this.data, this.sized);
    this.place();
  }

  place() {
    if (!this.graph.width || this.graph.reel !== this.reel) return;
    this.graph.place(this.frame);
    this.hand.place(this.reel, this.frame, this.graph.width, this.word.textContent);
  }
}

export default mounted(Film);
