// The hand on the film: pointer, keys, and Play. Every frame stands as long as every other, whatever it cost.
import { setText } from "../scrubber/words.js";
import { spentBy } from "./said.js";

const WHOLE_MS = 5000;
const [SHORTEST, LONGEST] = [50, 400];

export class Hand {
  /** film: gives `reel`, `frame`, `dock`, and takes `go(frame)` and `spoken()`. */
  constructor(root, film) {
    this.film = film;
    for (const name of ["rail", "thumb", "tip", "done", "play"]) this[name] = root.querySelector(`.${name}`);
    this.lab = root.querySelector(".lab");
    this.dragging = this.playing = false;
    const dock = root.querySelector(".dock");
    const start = (event) => {
      if (event.button) return;
      this.stop();
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
      if (this.dragging) film.spoken();
      this.dragging = false;
    };
    this.thumb.onkeydown = (event) => this.key(event);
    this.play.onclick = () => this.toggle();
  }

  follow(event) {
    const { reel } = this.film;
    const track = this.rail.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - track.left) / track.width));
    this.film.go(reel.frameAt(share * reel.span));
  }

  key(event) {
    const { frame, reel } = this.film;
    const to = { ArrowLeft: frame - 1, ArrowDown: frame - 1, ArrowRight: frame + 1, ArrowUp: frame + 1, PageDown: frame - 10, PageUp: frame + 10,
      Home: 0, End: reel.final }[event.key];
    if (event.key === " ") this.toggle();
    else if (to === undefined) return;
    else {
      this.stop();
      this.film.go(Math.max(0, Math.min(reel.final, to)));
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.film.spoken(), 400);
    }
    event.preventDefault();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.start();
  }

  start() {
    const { film } = this;
    const { final } = film.reel;
    if (!final) return;
    this.playing = true;
    this.lab.classList.add("playing");
    this.play.setAttribute("aria-label", "Stop the film");
    const each = Math.max(SHORTEST, Math.min(LONGEST, WHOLE_MS / final));
    const from = film.frame >= final ? 0 : film.frame;
    const began = performance.now();
    const turn = (now) => {
      if (!this.playing) return;
      film.go(Math.min(final, from + Math.max(0, Math.floor((now - began) / each)))); // a frame may predate its request
      if (film.frame < final) requestAnimationFrame(turn);
      else this.stop();
    };
    film.go(from);
    requestAnimationFrame(turn);
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.lab.classList.remove("playing");
    this.play.setAttribute("aria-label", "Play the film");
    this.film.spoken();
  }

  /** Put the thumb at a frame. width: the rail's; badge: the verdict in a word. */
  place(reel, frame, width, badge) {
    const at = (width * reel.at[frame]) / reel.span;
    const said = reel.unit === "progress" ? "so far" : spentBy(reel.unit, reel.at[frame]).replace(" of its own", "").replace(" through the network", "");
    this.thumb.style.transform = `translateX(${at}px)`;
    this.done.style.transform = `scaleX(${at / width})`;
    setText(this.tip, said);
    this.tip.style.transform = at > width - 170 ? `translateX(calc(${at - 24}px - 100%))` : `translateX(${at + 24}px)`;
    const attributes = { valuemin: "0", valuemax: String(reel.final), valuenow: String(frame), valuetext: `${said}: ${badge}` };
    for (const [name, value] of Object.entries(attributes)) this.thumb.setAttribute(`aria-${name}`, value);
  }
}
