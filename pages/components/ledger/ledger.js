// What cleaners made of a poisoned network: a line for each, between the poisoned one and one that was never poisoned.
import { bytes, PIXELS } from "../shared/bytes.js";
import { darkened } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { ahead, NBSP, setChip, setText } from "../shared/words.js";

const made = (name, kind = "", text = "") => Object.assign(document.createElement(name), { className: kind, textContent: text });

class Ledger {
  constructor(root) {
    for (const name of ["ledger", "who", "gain", "six", "lines"]) this[name] = root.querySelector(`.${name}`);
  }

  update({ data }) {
    this.data = data;
    darkened(this.ledger);
    const { running, ...standing } = data;
    // What stands is drawn anew only where it is other: the bar goes on in a line that stays.
    const key = JSON.stringify([standing, running?.name, running?.note]);
    if (this.key !== key) this.draw();
    this.key = key;
    if (running) this.go(running);
  }

  draw() {
    const { words, gain, lines, running } = this.data;
    setText(this.who, words);
    setText(this.gain, gain);
    this.digits();
    const [last, ...others] = lines.map((line) => this.line(line)).reverse();
    this.lines.replaceChildren(...others.reverse(), ...(running ? [this.awaited(running)] : []), last);
  }

  /** The six digits, each over its column. */
  digits() {
    const { x, labels, victim } = this.data;
    const grey = bytes(x);
    this.six.replaceChildren(...labels.map((label, place) => {
      const [figure, canvas] = [made("figure"), made("canvas")];
      Object.assign(canvas, { width: 28, height: 28 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `A ${label}`);
      new Picture(canvas).paintDigit((at) => grey[place * PIXELS + at]);
      figure.setAttribute("role", "columnheader");
      figure.append(canvas, ...(victim && !place ? [made("figcaption", "", "victim")] : []));
      return figure;
    }));
  }

  line({ name, note, clean, success, reads }) {
    const row = this.row(name, note);
    const got = typeof success === "boolean" ? this.outcome(success) : this.share(success, "orange");
    row.append(this.share(clean, "blue"), got, this.chips(reads));
    return row;
  }

  /** The line of the cleaner that is at work. */
  awaited({ name, note }) {
    const row = this.row(name, note);
    const [going, bar] = [made("span", "going"), made("span", "bar")];
    this.bar = bar;
    this.far = made("span", "far");
    bar.append(made("i"));
    bar.setAttribute("role", "progressbar");
    bar.setAttribute("aria-label", name);
    going.append(this.far, bar);
    row.append(going, this.chips(this.data.labels.map(() => null)));
    return row;
  }

  go({ place, done, total, left }) {
    const share = Math.min(done / Math.max(total, 1), 1);
    this.bar.firstElementChild.style.transform = `scaleX(${share})`;
    this.bar.setAttribute("aria-valuenow", Math.round(100 * share));
    setText(this.far, place ? ahead(place) : left || `${Math.round(100 * share)}${NBSP}%`);
  }

  row(name, note) {
    const [row, who] = [made("div", "line"), made("span", "who")];
    row.setAttribute("role", "row");
    who.setAttribute("role", "rowheader");
    who.append(made("b", "", name), ...(note ? [made("small", "", note)] : []));
    row.append(who);
    return row;
  }

  /** A share, over a bar of its length. */
  share(value, colour) {
    const [cell, bar] = [made("span", `figure ${colour}`, `${(100 * value).toFixed(1)}${NBSP}%`), made("i")];
    bar.style.setProperty("--share", `${100 * value}%`);
    cell.setAttribute("role", "cell");
    cell.append(bar);
    return cell;
  }

  /** Whether the attacker got his way with the one digit that he is after. */
  outcome(misled) {
    const cell = made("span", misled ? "figure orange" : "figure blue", misled ? "yes" : "no");
    cell.setAttribute("role", "cell");
    return cell;
  }

  /** What a network reads, under the digits; nothing yet where it is null. */
  chips(reads) {
    const six = made("div", "six");
    six.setAttribute("role", "presentation");
    six.append(...reads.map((digit, place) => {
      const chip = made("span", "chip");
      chip.setAttribute("role", "cell");
      if (digit != null) {
        setChip(chip, digit, this.data.labels[place]);
        chip.setAttribute("aria-label", `reads ${digit}`);
      }
      return chip;
    }));
    return six;
  }
}

export default mounted(Ledger);
