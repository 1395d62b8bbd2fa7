// How attacks made on one network do on another: shares, printed and coloured.
import { address, give } from "../gallery/give.js";

const FEW = 10; // fooled digits, below which a share of them is no finding
const COOL = [0x7f, 0xb5, 0xee], PALE = [0xf6, 0xf5, 0xf3], HOT = [0xf0, 0x9a, 0x5e];

/** The colour of a share fooled: blue at 0, orange at 1. */
function heated(share) {
  const [from, to] = share < 0.5 ? [COOL, PALE] : [PALE, HOT];
  const part = share < 0.5 ? 2 * share : 2 * share - 1;
  return `rgb(${from.map((value, k) => Math.round(value + (to[k] - value) * part)).join(" ")})`;
}

const element = (name, text, kind = "") => Object.assign(document.createElement(name), { textContent: text, className: kind });

class Heat {
  constructor(root) {
    const one = (selector) => root.querySelector(selector);
    for (const name of ["far", "bar", "stop", "run", "json", "sentence", "caption"]) this[name] = one(`.${name}`);
    [this.head, this.body] = [one("thead"), one("tbody")];
    this.run.onclick = () => this.ask("run", this.data.key);
    this.stop.onclick = () => this.ask("stop", this.data.key);
    this.json.onclick = () => this.save();
  }

  take(data, ask) {
    Object.assign(this, { data, ask });
    const { matrix, running } = data;
    this.run.hidden = Boolean(matrix) || running;
    this.stop.hidden = !running;
    this.json.hidden = !matrix;
    this.bar.className = running ? "bar" : "bar idle";
    this.bar.firstElementChild.style.transform = `scaleX(${data.done / Math.max(data.total, 1)})`;
    this.bar.setAttribute("aria-valuenow", data.done);
    this.bar.setAttribute("aria-valuemax", data.total);
    const network = Math.min(data.titles.length, 1 + Math.floor((data.done / Math.max(data.total, 1)) * data.titles.length));
    this.far.textContent = data.place ? `${data.place} ahead in the queue` : running ? `network ${network} of ${data.titles.length}` : data.stopped ? "stopped" : "";
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
        const share = i === j ? matrix.fooled[i] / count : matrix.shares[i][j];
        if (share == null) return element("td", "–", "none");
        const cell = element("td", (100 * share).toFixed(1), i === j ? "own" : "");
        cell.style.background = heated(share);
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
    return best ? `Most carries over from ${titles[best.i]} to ${titles[best.j]}: ${(100 * best.share).toFixed(1)}\u00a0%. ${explained}` : `Too few digits were fooled to tell what carries over. ${explained}`;
  }

  save() {
    const { matrix, models, count, caption } = this.data;
    const told = { link: address(this.data), caption, models, digits: count, fooled_on_itself: matrix.fooled, share_that_carries_over: matrix.shares };
    give(new Blob([JSON.stringify(told, null, 1)], { type: "application/json" }), this.data, "json");
  }
}

const heats = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const heat = heats.get(parentElement) ?? new Heat(parentElement);
  heats.set(parentElement, heat);
  heat.take(data, setTriggerValue);
}
