// An attack as a film: what it tried, what each try had cost, how far it was from the digit, and when it had won.
// The frames lie here: playing and dragging ask the server nothing.
import { copyLink } from "../gallery/give.js";
import { Plates } from "../scrubber/plates.js";
import { setClass, setText } from "../scrubber/words.js";
import { saveNumbersOf, savePictureOf } from "./carry.js";
import { Graph } from "./graph.js";
import { Hand } from "./hand.js";
import { Reel } from "./reel.js";
import { grouped, told, unitOf } from "./said.js";
import { fill } from "./table.js";

const DIGITS = { linf: 3, l2: 2, l1: 1, l0: 0, warp: 2 };

class Film {
  constructor(root) {
    this.root = root;
    const one = (selector) => root.querySelector(selector);
    for (const name of ["lab", "verdict", "badge", "sentence", "far", "bar", "stop", "unit", "count", "of"]) this[name] = one(`.${name}`);
    this.live = one(".hidden");
    this.body = one("tbody");
    this.numbers = Object.fromEntries(["linf", "l2", "touched"].map((name) => [name, one(`.${name}`)]));
    this.plates = new Plates(root);
    this.graph = new Graph(root);
    this.hand = new Hand(root, this);
    this.frame = 0;
    this.sized = (norm, size) => (norm === "l0" ? `${Math.round(size)} pixels` : `${size.toFixed(DIGITS[norm])} in ${this.data.norms[norm]}`);
    this.stop.onclick = () => this.ask("stop", this.data.key);
    one(".code").onclick = () => this.ask("code", this.data.key);
    one(".copy").onclick = () => copyLink(this.data, one(".copy .word"));
    one(".save").onclick = () => savePictureOf(this);
    one(".json").onclick = () => saveNumbersOf(this);
    this.watcher = new ResizeObserver(() => this.layout());
    this.watcher.observe(one(".dock"));
  }

  leave() {
    this.hand.stop();
    this.watcher.disconnect();
  }

  update({ data, setTriggerValue }) {
    this.ask = setTriggerValue;
    const other = this.data?.original !== data.original || this.data?.before !== data.before;
    this.data = data;
    const fresh = data.film ? data.film.change !== this.packed?.change || data.key !== this.known : other || !this.reel;
    if (fresh) {
      this.hand.stop();
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
    const { data } = this;
    const come = data.rows.filter((row) => row.reads != null || row.fault).length;
    const share = data.whole ? come / data.rows.length : (data.done / Math.max(data.total, 1)) / data.rows.length;
    this.bar.firstElementChild.style.transform = `scaleX(${data.running ? share : 1})`;
    this.bar.setAttribute("aria-valuenow", Math.round(100 * share));
    setText(this.far, data.place ? `${data.place} ahead in the queue` : data.running ? `${come} of ${data.rows.length}` : data.stopped ? `stopped at ${come} of ${data.rows.length}` : "");
    setClass(this.bar, data.running ? "bar" : "bar idle");
    setClass(this.stop, data.running ? "act stop" : "act stop idle");
    this.stop.disabled = !data.running;
  }

  // ---------------------------------------------------------------------------------------------------------- one frame
  go(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  draw() {
    const { reel, data, frame, numbers } = this;
    if (!reel || this.drawn === frame) return;
    this.drawn = frame;
    const limit = data.norm === "linf" && !data.minimises ? data.eps : 0;
    this.plates.drawRow(reel, frame, limit, this.graph.narrow);
    setText(numbers.linf, reel.linf[frame].toFixed(3));
    setText(numbers.l2, reel.l2[frame].toFixed(2));
    numbers.touched.innerHTML = `${reel.touched[frame]} <small>of 784</small>`;
    setText(this.plates.after.note, `picture ${frame + 1} of ${reel.final + 1}`);
    const asked = reel.unit === "steps" ? 0 : reel.at[frame];
    const unit = reel.unit === "steps" ? "queries" : reel.unit;
    setText(this.count, reel.unit === "progress" ? "…" : grouped(asked));
    setText(this.unit, reel.unit === "progress" ? "" : unitOf(unit, asked));
    setText(this.of, reel.unit === "progress" || reel.unit === "steps" ? "" : `of ${grouped(reel.end)}`);
    this.speak();
    this.place();
  }

  speak() {
    const said = told(this.reel, this.data, this.frame, this.sized);
    const waits = !this.data.whole && this.data.running;
    const known = `${said.head}|${said.read}|${said.tail}`;
    if (this.headline !== known) {
      this.headline = known;
      const chip = document.createElement("span");
      chip.className = said.read === this.data.label ? "chip true" : "chip wrong";
      chip.textContent = said.read;
      this.verdict.replaceChildren(`${said.head} `, chip, ` ${said.tail}`);
    }
    setClass(this.badge, `badge ${waits ? "" : said.kind}`);
    setText(this.badge.querySelector("b"), waits ? "Attacking…" : said.badge);
    const { place, done, total, attack } = this.data;
    const work = place ? `${place} ahead in the queue.` : `${attack} is at work${done ? `: ${grouped(done)} of ${grouped(total)}` : ""}.`;
    setText(this.sentence, waits ? work : said.text);
    this.words = `${said.badge}. ${said.head} ${said.read} ${said.tail}. ${said.text}`;
  }

  spoken() {
    if (this.words) this.live.textContent = this.words;
  }

  layout() {
    if (!this.reel || !this.graph.measure()) return;
    this.graph.draw(this.reel, this.data, this.sized);
    this.place();
  }

  place() {
    if (!this.graph.width || this.graph.reel !== this.reel) return;
    this.graph.place(this.frame);
    this.hand.place(this.reel, this.frame, this.graph.width, this.badge.querySelector("b").textContent);
  }
}

const films = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const film = films.get(parentElement) ?? new Film(parentElement);
  films.set(parentElement, film);
  film.update(component);
  return () => {
    film.leave();
    films.delete(parentElement);
  };
}
