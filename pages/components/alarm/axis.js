// The axis on which scores lie, and scores as a reader wants them.
import { NBSP } from "../shared/words.js";

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = (exponent) => `10${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => RAISED[digit]).join("")}`;
const signed10 = (text) => text.replace("-", "−");

/** A score in so many digits that count. */
export function written(score, digits = 3) {
  const size = Math.abs(score);
  if (!size) return "0";
  const exponent = Math.floor(Math.log10(size) + 1e-9);
  if (exponent < -3) return `${signed10((score / 10 ** exponent).toFixed(digits - 2))}${NBSP}×${NBSP}${power(exponent)}`;
  return signed10(score.toFixed(Math.max(0, digits - 1 - exponent)));
}

/** Two scores in words that tell them apart, where they are apart. */
export function told(one, other) {
  for (let digits = 3; ; digits++) {
    const texts = [written(one, digits), written(other, digits)];
    if (one === other || texts[0] !== texts[1] || digits === 9) return texts;
  }
}

/** Scores from `low` to `high`, with a little room at both ends; in decades where `log`, below which nothing is told. */
export class Axis {
  constructor(low, high, log) {
    this.log = log;
    const [from, to] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
    const room = 0.03 * (to - from) || 0.5;
    [this.from, this.to] = [from - room, to + room];
  }

  /** Where a score lies, from 0 to 1. */
  share(score) {
    const place = this.log ? (score > 0 ? Math.log10(score) : -Infinity) : score;
    return Math.max(0, Math.min(1, (place - this.from) / (this.to - this.from)));
  }

  score(share) {
    const place = this.from + share * (this.to - this.from);
    return this.log ? 10 ** place : place;
  }

  /** Up to about `most` scores to stand under it, each with its text. */
  ticks(most) {
    const span = this.to - this.from;
    const unit = 10 ** Math.floor(Math.log10(span / most));
    const step = this.log ? Math.max(1, Math.ceil(span / most)) : [1, 2, 5, 10].find((times) => span / (times * unit) <= most) * unit;
    const first = Math.ceil(this.from / step);
    const count = Math.floor(this.to / step) - first + 1;
    const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return [...Array(count).keys()].map((at) => {
      const place = (first + at) * step;
      if (!this.log) return [place, place ? signed10(place.toFixed(places)) : "0"];
      return [10 ** place, place >= -2 && place <= 3 ? String(+(10 ** place).toPrecision(1)) : power(place)];
    });
  }
}
