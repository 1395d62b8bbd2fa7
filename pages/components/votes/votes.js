// The votes as they come in: a bar for each class, towards the half that a majority needs.
import { bytes } from "../shared/bytes.js";
import { darkened } from "../shared/colours.js";
import { setFigure } from "../shared/figure.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { Progress } from "../shared/progress.js";
import { NBSP, setClass, setText } from "../shared/words.js";

class Votes {
  constructor(root) {
    for (const name of ["votes", "tally", "sentence", "note", "run"]) this[name] = root.querySelector(`.${name}`);
    this.caption = root.querySelector("figcaption");
    this.picture = new Picture(root.querySelector("canvas"));
    this.run.onclick = () => this.ask("run", this.data.key);
    this.progress = new Progress(root, () => this.ask("stop", this.data.key));
    this.tally.innerHTML = `${[...Array(10).keys()].map((digit) => `<li><span>${digit}</span><span class="well"><i></i></span><span></span></li>`).join("")}<span class="half"><b>half</b></span>`;
    this.rows = [...this.tally.querySelectorAll("li")];
  }

  update({ data, setTriggerValue }) {
    Object.assign(this, { data, ask: setTriggerValue });
    darkened(this.votes);
    const { running, stopped, place, done, total, voted, whole, sigma, label, counts } = data;
    const levels = bytes(data.noisy);
    this.picture.paintDigit((at) => levels[at]);
    this.picture.canvas.setAttribute("aria-label", `The ${label} in noise`);
    setText(this.caption, `one noisy copy, σ${NBSP}=${NBSP}${sigma}`);
    this.run.hidden = running || whole;
    this.progress.bar.hidden = this.progress.stop.hidden = !running;
    const grouped = (count) => count.toLocaleString("en");
    this.progress.show(place, done, total, running ? `${grouped(voted)} of ${grouped(total)} copies` : whole ? data.chosen : stopped ? `stopped after ${grouped(voted)} of ${grouped(total)}` : "");
    const most = Math.max(...counts);
    this.rows.forEach((row, digit) => {
      const [, well, count] = row.children;
      well.firstElementChild.style.transform = `scaleX(${counts[digit] / total})`;
      setText(count, voted ? grouped(counts[digit]) : "");
      setClass(row, digit === label ? "true" : most && counts[digit] === most ? "wrong" : "");
    });
    setClass(this.sentence, `sentence ${data.kind}`);
    setFigure(this.sentence, data.said);
    setText(this.note, data.note);
  }
}

export default mounted(Votes);
