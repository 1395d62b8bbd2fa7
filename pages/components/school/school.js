// A training as it goes: accuracy on clean and on attacked digits as lines to read off, the loss as their company.
import { ink } from "../shared/chart.js";
import { darkened } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { way } from "../shared/svg.js";
import { ahead, NBSP, setText } from "../shared/words.js";

// The shares that are drawn, unless Python says otherwise: which, in what colour, and what they are called.
const LINES = [["attacked", "orange", "attacked"], ["clean", "blue", "clean"]];

class School {
  constructor(root) {
    this.frame = root.querySelector(".school");
    this.far = root.querySelector(".far");
    this.svg = root.querySelector("svg");
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.svg);
  }

  leave() {
    this.watcher.disconnect();
  }

  update({ data }) {
    this.data = data;
    darkened(this.frame);
    const { epochs, most, running, place, stopped } = data;
    const words = place ? ahead(place) : !running ? (stopped ? `stopped after ${epochs.length} of ${most} rounds` : `${epochs.length} rounds`)
      : epochs.length ? `round ${Math.min(Math.floor(epochs.at(-1).epoch) + 1, most)} of ${most}` : "timing a few steps first…";
    setText(this.far, data.words ?? `${data.title}: ${words}`);
    this.draw();
  }

  draw() {
    const box = this.svg.getBoundingClientRect();
    if (!box.width || !this.data) return;
    const { epochs, most, first = 1, lines = LINES } = this.data;
    const room = 60 + 7.4 * Math.max(...lines.map(([, , word]) => word.length));
    const [left, right, top, bottom] = [52, box.width - room, 12, box.height - 24];
    const x = (epoch) => (most > first ? left + ((right - left) * (epoch - first)) / (most - first) : right);
    const y = (share) => bottom - (bottom - top) * share;
    const highest = Math.max(...epochs.map(({ loss }) => loss), 1e-9);
    const parts = [1, 0.5, 0].map((share) => `<path d="M${left} ${y(share)}H${right}" stroke="${ink("border-color")}"/>
      <text x="${left - 8}" y="${y(share) + 5}" text-anchor="end">${100 * share}${share === 1 ? `${NBSP}%` : ""}</text>`);
    parts.push(`<text x="${left}" y="${box.height - 4}">round ${first}</text><text x="${right}" y="${box.height - 4}" text-anchor="end">${most}</text>`);
    const draw = (name, colour, height, width, told) => {
      const points = epochs.map((each) => [x(each.epoch), height(each)]);
      if (!points.length) return;
      parts.push(`<path d="${way(points)}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`);
      if (points.length === 1) parts.push(`<circle cx="${points[0][0]}" cy="${points[0][1]}" r="4" fill="${colour}"/>`);
      this.ends.push({ ...told, y: points.at(-1)[1] });
    };
    this.ends = [];
    draw("loss", ink("gray-color"), ({ loss }) => y(0.94 * (loss / highest)), 1.6, { text: epochs.length ? `loss ${epochs.at(-1).loss.toPrecision(2)}` : "", kind: "" });
    for (const [name, colour, word] of lines)
      draw(name, ink(`${colour}-color`), (told) => y(told[name]), 3, { text: epochs.length ? `${word} ${(100 * epochs.at(-1)[name]).toFixed(1)}${NBSP}%` : "", kind: `name ${colour}` });
    // Names that would lie on each other make room.
    this.ends.sort((one, other) => one.y - other.y).forEach((end, at, all) => {
      if (at) end.y = Math.max(end.y, all[at - 1].y + 18);
      parts.push(`<text class="${end.kind}" x="${(epochs.length ? x(epochs.at(-1).epoch) : right) + 8}" y="${end.y + 5}">${end.text}</text>`);
    });
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.svg.innerHTML = parts.join("");
    const last = epochs.at(-1);
    this.svg.setAttribute("aria-label", last ? `After ${Math.round(last.epoch)} rounds: ${lines.map(([name, , word]) => `${word} ${(100 * last[name]).toFixed(1)} %`).join(", ")}` : "No round is over yet");
  }
}

export default mounted(School);
