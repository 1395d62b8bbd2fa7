// How attacks made on one network do on another: shares, printed and coloured.
import { colour, heated } from "../shared/colours.js";
import { giveNumbers } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { Progress } from "../shared/progress.js";
import { Sheet } from "../shared/sheet.js";
import { NBSP } from "../shared/words.js";

const FEW = 10; // fooled digits, below which a share of them is no finding

const element = (name, text, kind = "") => Object.assign(document.createElement(name), { textContent: text, className: kind });

class Heat {
  constructor(root) {
    const one = (selector) => root.querySelector(selector);
    for (const name of ["heat", "run", "save", "json", "code", "sentence", "caption"]) this[name] = one(`.${name}`);
    [this.head, this.body] = [one("thead"), one("tbody")];
    this.run.onclick = () => this.ask("run", this.data.key);
    this.save.onclick = () => this.picture();
    this.json.onclick = () => this.numbers();
    this.code.onclick = () => this.ask("code", this.data.key);
    this.progress = new Progress(root, () => this.ask("stop", this.data.key));
  }

  update({ data, setTriggerValue }) {
    Object.assign(this, { data, ask: setTriggerValue });
    const { matrix, running, done, total, titles } = data;
    const { progress } = this;
    this.run.hidden = Boolean(matrix) || running;
    this.save.hidden = this.json.hidden = this.code.hidden = !matrix;
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
    const top = document.createElement("tr");
    top.append(element("th", "made on \u2193  read by \u2192"), ...titles.map((title) => Object.assign(element("th", title), { scope: "col" })));
    this.head.replaceChildren(top);
    this.body.replaceChildren(...titles.map((title, i) => {
      const row = document.createElement("tr");
      const head = Object.assign(element("th", title), { scope: "row" });
      if (matrix) head.append(element("small", `${matrix.fooled[i]} of ${count} fooled`));
      row.append(head, ...titles.map((_, j) => {
        if (!matrix) return element("td", "", "none");
        const share = this.share(i, j);
        if (share == null) return element("td", "–", "none");
        const cell = element("td", (100 * share).toFixed(1), i === j ? "own" : "");
        cell.style.background = this.tone(share);
        return cell;
      }));
      return row;
    }));
  }

  /** Of the digits that were made on network i, the share that fools network j; null where there is none to tell by. */
  share(i, j) {
    const { matrix, count } = this.data;
    return i === j ? matrix.fooled[i] / count : matrix.shares[i][j];
  }

  tone(share) {
    return heated(share, ["--cool", "--pale", "--hot"].map((name) => colour(this.heat, name)));
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

  /** The table as a picture. */
  picture() {
    const { titles, matrix, count, caption } = this.data;
    const [left, top, wide, high] = [230, 122, 170, 64];
    const sheet = new Sheet(this.heat, left + titles.length * wide + 24, top + titles.length * high + 24);
    sheet.write("What fools one network, shown to the others", 24, 42, "700 24px");
    sheet.write(caption, 24, 68, "15px");
    sheet.write("made on \u2193  read by \u2192", 24, top - 14, "15px");
    titles.forEach((title, i) => {
      sheet.write(title, left + i * wide, top - 14, "700 16px", wide - 10);
      sheet.write(title, 24, top + i * high + 28, "700 16px", left - 34);
      sheet.write(`${matrix.fooled[i]} of ${count} fooled`, 24, top + i * high + 48, "14px");
      titles.forEach((_, j) => {
        const share = this.share(i, j);
        const [x, y] = [left + j * wide, top + i * high];
        if (share != null) sheet.fill(this.tone(share), x, y, wide - 4, high - 4);
        sheet.write(share == null ? "–" : (100 * share).toFixed(1), x + 12, y + 37, i === j ? "700 20px" : "20px", wide, share == null ? null : "#121A2B");
      });
    });
    sheet.give(this.data);
  }

  numbers() {
    const { matrix, models, count, caption } = this.data;
    giveNumbers(this.data, { caption, models, digits: count, fooled_on_itself: matrix.fooled, share_that_carries_over: matrix.shares });
  }
}

export default mounted(Heat);
