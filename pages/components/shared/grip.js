// The hand on the slider under a curve: pointer, keys and Play, and the thumb that follows it.
import { setText } from "./words.js";

/** A subclass says what the hand moves, and what comes of it:
 *
 * take(): the hand takes hold, so that whatever plays stops.      slide(share): it is at a share of the rail.
 * get reach(): { here, step, most } of its keys.                  move(to): they take it there.
 * rest(): it lets go.                                             start(), halt(): Play, and what stops it.
 */
export class Grip {
  /** stay: milliseconds after a key, until the hand counts as at rest; room: what the tip takes to the right of the thumb. */
  constructor(root, stay, room) {
    for (const name of ["lab", "rail", "thumb", "tip", "done", "play"]) this[name] = root.querySelector(`.${name}`);
    Object.assign(this, { stay, room });
    this.dragging = this.playing = false;
    const dock = root.querySelector(".dock");
    const hold = (event) => {
      if (event.button) return;
      this.take();
      this.dragging = true;
      dock.setPointerCapture(event.pointerId);
      this.follow(event);
      this.thumb.focus({ preventScroll: true });
      event.preventDefault();
    };
    for (const node of dock.querySelectorAll(".curve, .rail")) node.onpointerdown = hold;
    dock.onpointermove = (event) => this.dragging && this.follow(event);
    dock.onpointerup = dock.onpointercancel = () => {
      if (!this.dragging) return;
      this.dragging = false;
      this.rest();
    };
    this.thumb.onkeydown = (event) => this.key(event);
    this.play.onclick = () => this.toggle();
  }

  follow(event) {
    const track = this.rail.getBoundingClientRect();
    this.slide(Math.max(0, Math.min(1, (event.clientX - track.left) / track.width)));
  }

  key(event) {
    const { here, step, most } = this.reach;
    const to = { ArrowLeft: here - step, ArrowDown: here - step, ArrowRight: here + step, ArrowUp: here + step,
      PageDown: here - 10 * step, PageUp: here + 10 * step, Home: 0, End: most }[event.key];
    if (event.key === " ") this.toggle();
    else if (to === undefined) return;
    else {
      this.take();
      this.move(Math.max(0, Math.min(most, Math.round(to / step) * step)));
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.rest(), this.stay);
    }
    event.preventDefault();
  }

  toggle() {
    if (this.playing) this.halt();
    else this.start();
  }

  /** Play, as long as turn(now) of each of the screen's frames says that there is more to come. */
  run(turn) {
    this.playing = true;
    this.lab.classList.add("playing");
    const next = (now) => {
      if (!this.playing) return;
      if (turn(now)) requestAnimationFrame(next);
      else this.halt();
    };
    requestAnimationFrame(next);
  }

  /** Play no longer; true if it did. */
  stop() {
    const was = this.playing;
    this.playing = false;
    this.lab.classList.remove("playing");
    return was;
  }

  /** Put the thumb at a place on a rail of a width. tip: what stands beside it; aria: its attributes of that name. */
  put(at, width, tip, aria) {
    this.thumb.style.transform = `translateX(${at}px)`;
    this.done.style.transform = `scaleX(${at / width})`;
    setText(this.tip, tip);
    this.tip.style.transform = at > width - this.room ? `translateX(calc(${at - 24}px - 100%))` : `translateX(${at + 24}px)`;
    for (const [name, value] of Object.entries({ valuemin: 0, ...aria })) this.thumb.setAttribute(`aria-${name}`, value);
  }
}
