// A picture of 28 x 28 on a canvas: a digit in grey, or a change in its colours.
import { PIXELS } from "./bytes.js";

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.image = this.context.createImageData(28, 28);
  }

  /** level(at): how bright a pixel is, 0 to 255; what lies beyond is cut. */
  paintDigit(level) {
    this.fill((at, out, to) => (out[to] = out[to + 1] = out[to + 2] = Math.max(0, Math.min(255, Math.round(level(at))))));
  }

  /** share(at): a pixel's change, -1 in the full colour of the darker and 1 in that of the lighter. */
  paintChange(share, [darker, middle, lighter]) {
    this.fill((at, out, to) => {
      const part = Math.max(-1, Math.min(1, share(at)));
      const side = part < 0 ? darker : lighter;
      const weight = Math.abs(part);
      for (let k = 0; k < 3; k++) out[to + k] = middle[k] + (side[k] - middle[k]) * weight;
    });
  }

  fill(put) {
    const out = this.image.data;
    for (let at = 0; at < PIXELS; at++) {
      put(at, out, 4 * at);
      out[4 * at + 3] = 255;
    }
    this.context.putImageData(this.image, 0, 0);
  }
}
