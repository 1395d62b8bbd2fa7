// The three pictures, what each reads as, and the ten bars beside them.
import { PIXELS, read } from "./sweep.js";
import { NBSP, percent, setClass, setText } from "./words.js";

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

export class Plates {
  constructor(root) {
    this.root = root;
    this.lab = root.querySelector(".lab");
    for (const name of ["before", "change", "after"]) {
      const plate = root.querySelector(`.plate.${name}`);
      const canvas = plate.querySelector("canvas");
      const context = canvas.getContext("2d");
      this[name] = {
        canvas, context, image: context.createImageData(28, 28), note: plate.querySelector(".note"),
        chip: plate.querySelector(".chip"), reads: plate.querySelector(".reading b"), sure: plate.querySelector(".sure"),
      };
    }
    for (const name of ["amplified", "low", "high"]) this[name] = root.querySelector(`.${name}`);
    this.bars = [...Array(10).keys()].map((digit) => {
      const row = document.createElement("li");
      row.innerHTML = `<span class="chip">${digit}</span><span class="well"><i class="was"></i><i class="now"></i></span><span class="share"></span>`;
      root.querySelector(".bars ol").append(row);
      return { row, chip: row.children[0], was: row.querySelector(".was"), now: row.querySelector(".now"), share: row.children[2] };
    });
  }

  /** Take the colours of the theme; true where they are other ones than before. */
  readTheme() {
    const style = getComputedStyle(this.root.host ?? this.root);
    const ground = style.getPropertyValue("--st-background-color").trim();
    const dark = ground.startsWith("#") && rgb(ground)[1] < 100;
    this.lab.classList.toggle("dark", dark);
    const own = getComputedStyle(this.lab);
    this.palette = ["--darker", "--middle", "--lighter"].map((name) => rgb(own.getPropertyValue(name).trim()));
    const other = this.dark !== dark;
    this.dark = dark;
    return other;
  }

  paint(plate, put) {
    const out = plate.image.data;
    for (let at = 0; at < PIXELS; at++) {
      put(out, 4 * at, at);
      out[4 * at + 3] = 255;
    }
    plate.context.putImageData(plate.image, 0, 0);
  }

  reading(plate, shares) {
    const digit = read(shares);
    setClass(plate.chip, digit === this.data.label ? "chip true" : "chip wrong");
    setText(plate.chip, String(digit));
    setText(plate.reads, `reads ${digit}`);
    setText(plate.sure, percent(shares[digit]));
    return digit;
  }

  /** The digit before any attack, and what belongs to it in every row. */
  drawOriginal(sweep, data) {
    this.sweep = sweep;
    this.data = data;
    this.paint(this.before, (out, to, at) => (out[to] = out[to + 1] = out[to + 2] = sweep.original[at]));
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
    const [darker, middle, lighter] = this.palette;
    const full = limit || scale || 1;
    const gain = scale / 127;
    this.paint(this.change, (out, to, at) => {
      const share = Math.max(-1, Math.min(1, (change[at] * gain) / full));
      const side = share < 0 ? darker : lighter;
      const weight = Math.abs(share);
      for (let k = 0; k < 3; k++) out[to + k] = middle[k] + (side[k] - middle[k]) * weight;
    });
    this.paint(this.after, (out, to, at) => {
      out[to] = out[to + 1] = out[to + 2] = Math.max(0, Math.min(255, Math.round(original[at] + 255 * change[at] * gain)));
    });
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
}
