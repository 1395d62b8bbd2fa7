// How far some work is: a bar, a few words beside it, and a button that stops it.
import { ahead, setText } from "./words.js";

export class Progress {
  constructor(root, stop) {
    for (const name of ["far", "bar", "stop"]) this[name] = root.querySelector(`.${name}`);
    this.stop.onclick = stop;
  }

  /** place: how many stand before it in the queue, if any do; words: what is said beside the bar once its turn has come. */
  show(place, done, total, words) {
    this.bar.firstElementChild.style.transform = `scaleX(${done / Math.max(total, 1)})`;
    this.bar.setAttribute("aria-valuenow", Math.round(done));
    this.bar.setAttribute("aria-valuemax", total);
    setText(this.far, place ? ahead(place) : words);
  }
}
