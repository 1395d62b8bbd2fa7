// The three pictures, what each reads as, the sizes of the change, and the ten bars beside them.
import { darkened, palette } from "./colours.js";
import { Picture } from "./picture.js";
import { Sheet } from "./sheet.js";
import { read } from "./sweep.js";
import { NBSP, percent, setChip, setClass, setText } from "./words.js";

/** The largest change of a pixel at ε where the attack is bound to one: it is the map's full colour. Else 0. */
export const bound = ({ norm, minimises }, eps) => (norm === "linf" && !minimises ? eps : 0);

export class Plates {
  constructor(root) {
    this.lab = root.querySelector(".lab");
    for (const name of ["before", "change", "after"]) {
      const plate = root.querySelector(`.plate.${name}`);
      const one = (selector) => plate.querySelector(selector);
      this[name] = Object.assign(new Picture(one("canvas")), { note: one(".note"), chip: one(".chip"), reads: one(".reading b"), sure: one(".sure") });
    }
    for (const name of ["amplified", "low", "high", "linf", "l2", "touched"]) this[name] = root.querySelector(`.${name}`);
    this.bars = [...Array(10).keys()].map((digit) => {
      const row = document.createElement("li");
      row.innerHTML = `<span class="chip">${digit}</span><span class="well"><i class="was"></i><i class="now"></i></span><span class="share"></span>`;
      return { row, chip: row.children[0], was: row.querySelector(".was"), now: row.querySelector(".now"), share: row.children[2] };
    });
    root.querySelector(".bars ol").replaceChildren(...this.bars.map(({ row }) => row));
  }

  /** Take the colours of the theme; true where they are other ones than before. */
  readTheme() {
    const dark = darkened(this.lab);
    const other = this.dark !== dark;
    this.dark = dark;
    this.palette = palette(this.lab);
    return other;
  }

  reading(plate, shares) {
    const digit = read(shares);
    setChip(plate.chip, digit, this.data.label);
    setText(plate.reads, `reads ${digit}`);
    setText(plate.sure, percent(shares[digit]));
    return digit;
  }

  /** The digit before any attack, and what belongs to it in every row. */
  drawOriginal(sweep, data) {
    this.sweep = sweep;
    this.data = data;
    this.before.paintDigit((at) => sweep.original[at]);
    setText(this.before.note, data.digit);
    this.before.canvas.setAttribute("aria-label", `The original digit, a ${data.label}`);
    this.reading(this.before, sweep.before);
    this.bars.forEach((bar, digit) => {
      const was = sweep.before[digit];
      bar.was.style.width = `${100 * was}%`;
      bar.was.style.visibility = was < 0.004 ? "hidden" : "visible";
    });
  }

  /** One row of a sweep or of a film. limit: the largest change that a pixel may have had, or 0 to take what it has. */
  drawRow(rows, row, limit, narrow) {
    const change = rows.change(row);
    const scale = rows.scales[row];
    const shares = rows.shares(row);
    const { original } = this.sweep;
    const full = limit || scale || 1;
    const gain = scale / 127;
    this.change.paintChange((at) => (change[at] * gain) / full, this.palette);
    this.after.paintDigit((at) => original[at] + 255 * change[at] * gain);
    const shown = full >= 0.0005 && scale > 0 ? full : 0;
    setText(this.amplified, shown ? `${narrow ? "" : "amplified "}${(1 / shown).toFixed(1)}${NBSP}×` : "");
    setText(this.low, shown ? `−${shown.toFixed(3)} darker` : "darker");
    setText(this.high, shown ? `lighter +${shown.toFixed(3)}` : "lighter");
    const digit = this.reading(this.after, shares);
    this.change.canvas.setAttribute("aria-label", `The change, largest ${scale.toFixed(3)}`);
    this.after.canvas.setAttribute("aria-label", `The attacked digit, read as ${digit}`);
    this.drawBars(shares, digit);
  }

  drawBars(shares, now) {
    const { label } = this.data;
    this.bars.forEach((bar, digit) => {
      const kind = digit === label ? "true" : digit === now ? "wrong" : "";
      setClass(bar.row, kind);
      setClass(bar.chip, `chip ${kind}`);
      bar.now.style.transform = `scaleX(${shares[digit].toFixed(4)})`;
      setText(bar.share, percent(shares[digit]));
      setClass(bar.share, kind || shares[digit] >= 0.01 ? "share big" : "share");
    });
  }

  /** How large the change of a row is. */
  drawSizes(sweep, row) {
    setText(this.linf, sweep.linf[row].toFixed(3));
    setText(this.l2, sweep.l2[row].toFixed(2));
    this.touched.innerHTML = `${sweep.touched[row]} <small>of 784</small>`;
  }

  /** What is seen, as a sheet with a headline and a caption. */
  sheet(headline, caption) {
    const [side, rim, gap] = [280, 24, 40];
    const sheet = new Sheet(this.lab, 3 * side + 2 * (rim + gap), side + 132);
    const { before, change, after, amplified } = this;
    sheet.write(headline, rim, 42, "700 24px", sheet.canvas.width - 2 * rim);
    const reads = ({ reads, sure }) => `${reads.textContent}, ${sure.textContent}`;
    const under = [reads(before), `change, ${amplified.textContent || "none"}`, reads(after)];
    [before, change, after].forEach(({ canvas }, at) => {
      const x = rim + at * (side + gap);
      sheet.picture(canvas, x, 64, side);
      sheet.write(under[at], x, side + 88, "16px");
    });
    sheet.write(caption, rim, side + 116, "16px");
    return sheet;
  }
}
