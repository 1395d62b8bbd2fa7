// A film as it came: rows as of a sweep, each with what it had cost by then.
import { PIXELS } from "../shared/bytes.js";
import { Sweep } from "../shared/sweep.js";

export class Reel extends Sweep {
  constructor(packed) {
    super(packed);
    for (const name of ["at", "end", "won", "first", "unit", "measure"]) this[name] = packed[name];
  }

  /** A film of the digit alone, before anything has come in. */
  static still({ original, before }) {
    const empty = btoa("\0".repeat(PIXELS));
    return new Reel({ original, before, change: empty, probabilities: before, scales: [0], at: [0], end: 1, size: [0], linf: [0], l2: [0],
      touched: [0], won: [false], first: null, unit: "progress", measure: "l2" });
  }

  /** Where the axis ends: a bit beyond a success that is the last frame, so that there is room to see it. */
  get span() {
    return Math.max(this.end * (this.first != null && this.first === this.final && this.final ? 1.08 : 1), 1);
  }

  get final() {
    return this.at.length - 1;
  }

  /** The frame that was reached at a count: the last one not beyond it, or the nearer one. */
  frameAt(count) {
    let best = 0;
    this.at.forEach((value, frame) => {
      if (Math.abs(value - count) <= Math.abs(this.at[best] - count)) best = frame;
    });
    return best;
  }
}
