// A headline with its chip, and under it a badge and a sentence.
import { darkened } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { setText } from "../shared/words.js";

class Verdict {
  constructor(root) {
    for (const name of ["frame", "headline", "ends", "chip", "badge", "word", "sentence"]) this[name] = root.querySelector(`.${name}`);
  }

  update({ data }) {
    darkened(this.frame);
    setText(this.headline, data.headline);
    this.ends.hidden = data.chip == null;
    setText(this.chip, `${data.chip ?? ""}`);
    this.chip.className = `chip ${data.kind ?? ""}`;
    this.badge.hidden = !data.badge;
    this.badge.className = `badge ${data.tone ?? ""}`;
    setText(this.word, data.badge ?? "");
    setText(this.sentence, data.sentence);
  }
}

export default mounted(Verdict);
