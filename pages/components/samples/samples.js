// Pictures of a training set with the labels that they bear, and what they were before somebody touched them.
import { bytes, PIXELS } from "../shared/bytes.js";
import { darkened } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";

class Samples {
  constructor(root) {
    this.frame = root.querySelector(".samples");
  }

  update({ data }) {
    darkened(this.frame);
    const grey = bytes(data.x);
    this.frame.replaceChildren(...data.labels.map((label, place) => {
      const [figure, canvas, caption, word, was] = ["figure", "canvas", "figcaption", "b", "span"].map((name) => document.createElement(name));
      Object.assign(canvas, { width: 28, height: 28 });
      new Picture(canvas).paintDigit((at) => grey[place * PIXELS + at]);
      figure.className = data.touched[place] ? "touched" : "";
      figure.setAttribute("role", "listitem");
      word.textContent = `label ${label}`;
      was.textContent = data.true[place] === label ? "" : `was ${data.true[place]}`;
      canvas.setAttribute("aria-hidden", "true");
      caption.append(word, was);
      figure.append(canvas, caption);
      return figure;
    }));
  }
}

export default mounted(Samples);
