// A sweep: the attack at every ε, kept as bytes; a row is one ε.
import { bytes, floats, PIXELS, signed } from "./bytes.js";

/** Rows of int8 shares of their own largest change, and ten probabilities each: a sweep's, or an attack's own steps. */
export class Rows {
  constructor(packed) {
    this.scales = packed.scales;
    this.changes = signed(packed.change);
    this.probabilities = floats(packed.probabilities);
  }

  change(row) {
    return this.changes.subarray(row * PIXELS, (row + 1) * PIXELS);
  }

  shares(row) {
    return this.probabilities.subarray(row * 10, (row + 1) * 10);
  }
}

const COLUMNS = ["epsilons", "scales", "success", "linf", "l2", "touched", "gradients", "forwards", "size"];

export class Sweep extends Rows {
  constructor(packed) {
    super(packed);
    for (const name of COLUMNS) this[name] = packed[name];
    this.original = bytes(packed.original);
    this.before = floats(packed.before);
  }

  get last() {
    return this.epsilons.length - 1;
  }

  /** The size in the attack's norm of the change at the largest ε, if that one succeeded; else null. */
  get found() {
    return this.success[this.last] ? this.size[this.last] : null;
  }

  /** A row's pictures as numbers for a file. */
  pictures(row) {
    const gain = this.scales[row] / 127;
    return {
      original: [...this.original].map((v) => +(v / 255).toFixed(6)),
      // The page holds the change as whole multiples of a step; Show the code gives every digit of it.
      change_rounded_to: gain,
      change: [...this.change(row)].map((v) => +(v * gain).toPrecision(6)),
    };
  }

  nearest(eps) {
    let best = 0;
    this.epsilons.forEach((value, at) => {
      if (Math.abs(value - eps) < Math.abs(this.epsilons[best] - eps)) best = at;
    });
    return best;
  }

  has(eps, near) {
    return Math.abs(this.epsilons[this.nearest(eps)] - eps) < near;
  }

  /** This sweep with the one row of another at its place among the epsilons. */
  with(other) {
    const at = this.epsilons.findIndex((eps) => eps > other.epsilons[0]);
    if (at < 0) return this;
    const joined = Object.assign(Object.create(Sweep.prototype), this);
    for (const name of COLUMNS) joined[name] = [...this[name].slice(0, at), other[name][0], ...this[name].slice(at)];
    for (const [name, width] of [["changes", PIXELS], ["probabilities", 10]]) {
      joined[name] = new this[name].constructor(this[name].length + width);
      joined[name].set(this[name].subarray(0, at * width));
      joined[name].set(other[name], at * width);
      joined[name].set(this[name].subarray(at * width), (at + 1) * width);
    }
    return joined;
  }
}

/** The class that a row of ten probabilities reads; `but` leaves one out. */
export function read(shares, but = -1) {
  let best = but === 0 ? 1 : 0;
  for (let digit = 1; digit < 10; digit++) if (digit !== but && shares[digit] > shares[best]) best = digit;
  return best;
}
