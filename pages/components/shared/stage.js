// What a picture of one attack consists of: the verdict, the plates, and a curve over the slider.
import { Plates } from "./plates.js";
import { BADGES, setChip, setClass, setText, WORKING } from "./words.js";

/** A subclass gives `draw` and `layout`, and has `data`, what Python sent. */
export class Stage {
  constructor(root) {
    for (const name of ["lab", "verdict", "badge", "sentence"]) this[name] = root.querySelector(`.${name}`);
    this.word = this.badge.querySelector("b");
    this.live = root.querySelector(".hidden");
    this.plates = new Plates(root);
    this.watcher = new ResizeObserver(() => this.layout());
    this.watcher.observe(root.querySelector(".dock"));
  }

  leave() {
    this.watcher.disconnect();
  }

  /** Draw with the screen's next frame, however often that is asked for before. */
  soon() {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  /** Say the verdict, { head, read, tail, kind, text, limit }. work: what is said instead while the attack goes on. */
  speak(said, work = null) {
    const { head, read, tail, kind, text, limit = "" } = said;
    const { label } = this.data;
    const known = `${head}|${read}|${tail}|${label}`;
    if (this.headline !== known) {
      this.headline = known;
      const chip = document.createElement("span");
      setChip(chip, read, label);
      this.verdict.replaceChildren(`${head} `, chip, ` ${tail}`);
    }
    setClass(this.badge, `badge ${work == null ? kind : ""}`);
    setText(this.word, work == null ? BADGES[kind] : WORKING);
    setText(this.sentence.firstElementChild, work ?? text);
    setText(this.sentence.lastElementChild, work == null ? limit : "");
    this.spoken = `${BADGES[kind]}. ${head} ${read} ${tail}. ${text}${limit}`;
  }

  /** Let those hear it who do not see it. */
  announce() {
    if (this.spoken) this.live.textContent = this.spoken;
  }
}
