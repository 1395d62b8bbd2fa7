// How attacks made on one network do on another: shares, printed and coloured.
import { colour, mix } from "../shared/colours.js";
import { giveNumbers } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { Progress } from "../shared/progress.js";
import { NBSP } from "../shared/words.js";

const FEW = 10; // fooled digits, below which a share of them is no finding

/** The colour of a share fooled: cool at 0, hot at 1. */
function heated(share, [cool, pale, hot]) {
  const tone = share < 0.5 ? mix(cool, pale, 2 * share) : mix(pale, hot, 2 * share - 1);
  return `rgb(${tone.map(Math.round).join(" ")})`;
}

const element = (name, text, kind = "") => Object.assign(document.createElement(name), { textContent: text, className: kind });

class Heat {
  constructor(root) {
    const one = (selector) => root.querySelector(selector);
    for (const name of ["heat", "run", "json", "sentence", "caption"]) this[name] = one(`.${name}`);
    [this.head, this.body] = [one("thead"), one("tbody")];
    this.run.onclick = () => this.ask("run", this.data.key);
    this.json.onclick = () => this.save();
    this.progress = new Progress(root, () => this.ask("stop", this.data.key));
  }

  update({ data, setTriggerValue }) {
    Object.assign(this, { data, ask: setTriggerValue });
    const { matrix, running, done, total, titles } = data;
    const { progress } = this;
    this.run.hidden = Boolean(matrix) || running;
    this.json.hidden = !matrix;
    progress.stop.hidden = !running;
    progress.bar.classList.toggle("idle", !running);
    const network = Math.min(titles.length, 1 + Math.floor((done / Math.max(total, 1)) * titles.length));
    progress.show(data.place, done, total, running ? `network ${network} of ${titles.length}` : data.stopped ? "stopped" : "");
    this.sentence.textContent = matrix ? this.finding() : data.offer;
    this.caption.textContent = data.caption;
    this.draw();
  }

  draw() {
    const { matrix, titles, count } = this.data;
    const tones = ["--cool", "--pale", "--hot"].map((name) => colour(this.heat, name));
    const top = document.createElement("tr");
    top.append(element("th", "made on \u2193  read by \u2192"), ...titles.map((title) => Object.assign(element("th", title), { scope: "col" })));
    this.head.replaceChildren(top);
    this.body.replaceChildren(...titles.map((title, i) => {
      const row = document.createElement("tr");
      const head = Object.assign(element("th", title), { scope: "row" });
      if (matrix) head.append(element("small", `${matrix.fooled[i]} of ${count} fooled`));
      row.append(head, ...titles.map((_, j) => {
        if (!matrix) return element("td", "", "none");
        const share = i === j ? matrix.fooled[i] / count : matrix.shares[i][j];
        if (share == null) return element("td", "–", "none");
        const cell = element("td", (100 * share).toFixed(1), i === j ? "own" : "");
        cell.style.background = heated(share, tones);
        return cell;
      }));
      return row;
    }));
  }

  /** What stands out: where most carries over, from one network to another. */
  finding() {
    const { matrix, titles } = this.data;
    let best = null;
    matrix.shares.forEach((row, i) => row.forEach((share, j) => {
      if (i !== j && share != null && matrix.fooled[i] >= FEW && (!best || share > best.share)) best = { share, i, j };
    }));
    const explained = "In the outlined cells, the share of the digits that it fooled on the network itself; elsewhere, how many of those fool the other network, too, unasked. In percent.";
    return best ? `Most carries over from ${titles[best.i]} to ${titles[best.j]}: ${(100 * best.share).toFixed(1)}${NBSP}%. ${explained}` : `Too few digits were fooled to tell what carries over. ${explained}`;
  }

  save() {
    const { matrix, models, count, caption } = this.data;
    giveNumbers(this.data, { caption, models, digits: count, fooled_on_itself: matrix.fooled, share_that_carries_over: matrix.shares });
  }
}

export default mounted(Heat);
