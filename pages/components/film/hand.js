// The hand on the film: from frame to frame. Each stands as long as every other, whatever it cost.
import { Grip } from "../shared/grip.js";
import { spentBy } from "./said.js";

const WHOLE_MS = 5000;
const [SHORTEST, LONGEST] = [50, 400];

export class Hand extends Grip {
  /** film: gives `reel` and `frame`, and takes `go(frame)` and `announce()`. */
  constructor(root, film) {
    super(root, 400, 170);
    this.film = film;
  }

  take() {
    this.halt();
  }

  slide(share) {
    const { reel } = this.film;
    this.film.go(reel.frameAt(share * reel.span));
  }

  get reach() {
    return { here: this.film.frame, step: 1, most: this.film.reel.final };
  }

  move(frame) {
    this.film.go(frame);
  }

  rest() {
    this.film.announce();
  }

  start() {
    const { film } = this;
    const { final } = film.reel;
    if (!final) return;
    this.play.setAttribute("aria-label", "Stop the film");
    const each = Math.max(SHORTEST, Math.min(LONGEST, WHOLE_MS / final));
    const from = film.frame >= final ? 0 : film.frame;
    const began = performance.now();
    film.go(from);
    this.run((now) => {
      film.go(Math.min(final, from + Math.max(0, Math.floor((now - began) / each)))); // a frame may predate its request
      return film.frame < final;
    });
  }

  halt() {
    if (!this.stop()) return;
    this.play.setAttribute("aria-label", "Play the film");
    this.rest();
  }

  /** Put the thumb at a frame. width: the rail's; badge: the verdict in a word. */
  place(reel, frame, width, badge) {
    const said = reel.unit === "progress" ? "so far" : spentBy(reel.unit, reel.at[frame]).replace(" of its own", "").replace(" through the network", "");
    this.put((width * reel.at[frame]) / reel.span, width, said, { valuemax: reel.final, valuenow: frame, valuetext: `${said}: ${badge}` });
  }
}
