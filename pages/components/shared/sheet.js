// A picture to take away: a sheet of the page's own background, ink and letters.
import { give } from "./give.js";

export class Sheet {
  /** node: whose colours and font it takes. */
  constructor(node, width, height) {
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    this.context = this.canvas.getContext("2d");
    const { color, fontFamily } = getComputedStyle(node);
    this.family = fontFamily;
    this.fill(getComputedStyle(node).getPropertyValue("--st-background-color"), 0, 0, width, height);
    this.ink = color;
    this.context.imageSmoothingEnabled = false;
  }

  picture(image, x, y, side) {
    this.context.drawImage(image, x, y, side, side);
  }

  fill(colour, x, y, width, height) {
    this.context.fillStyle = colour;
    this.context.fillRect(x, y, width, height);
  }

  /** An empty box in the sheet's ink. */
  frame(x, y, width, height) {
    this.context.strokeStyle = this.ink;
    this.context.lineWidth = 2;
    this.context.strokeRect(x + 1, y + 1, width - 2, height - 2);
  }

  /** font: weight and size; room: how wide the text may be, if that is bounded; colour: the sheet's ink, if not given. */
  write(text, x, y, font, room, colour) {
    this.context.fillStyle = colour ?? this.ink;
    this.context.font = `${font} ${this.family}`;
    this.context.fillText(text, x, y, room);
  }

  give(data) {
    this.canvas.toBlob((blob) => give(blob, data, "png"), "image/png");
  }
}
