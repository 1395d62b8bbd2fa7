// The attacked digit before and behind a transform; which attacker made it is chosen here, ε comes from the page's slider.
import { bytes, floats, PIXELS } from "../shared/bytes.js";
import { darkened } from "../shared/colours.js";
import { hear } from "../shared/here.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { read } from "../shared/sweep.js";
import { ahead, BADGES, NBSP, percent, setChip, setClass, setText, WORKING } from "../shared/words.js";

const KNOWS = {
  naive: "This attacker knows the network, and nothing of the transform.",
  exact: "This attacker follows the gradient through the transform, which has one.",
  "straight-through": "This attacker runs the transform, and takes it for the identity where a gradient is due.",
  smooth: "This attacker runs the transform, and follows the gradient of a smooth one like it.",
  averaged: "This attacker averages the gradient over the transform's draws.",
};

class Guard {
  constructor(root) {
    for (const name of ["guard", "badge", "note", "bars", "chip", "sure"]) this[name] = root.querySelector(`.${name}`);
    this.reads = root.querySelector(".reading b");
    [this.before, this.behind] = [...root.querySelectorAll("canvas")].map((canvas) => new Picture(canvas));
    this.buttons = [...root.querySelectorAll("[data-who]")];
    for (const button of this.buttons) button.onclick = () => this.choose(button.dataset.who);
    root.querySelector(".who").onkeydown = (event) => {
      if (!event.key.startsWith("Arrow")) return;
      this.choose(this.who === "naive" ? "adaptive" : "naive");
      this.buttons.find((button) => button.dataset.who === this.who).focus();
      event.preventDefault();
    };
    this.who = "naive";
  }

  leave() {
    this.silence?.();
  }

  choose(who) {
    this.who = who;
    this.draw();
  }

  update({ data }) {
    this.data = data;
    darkened(this.guard);
    this.guard.classList.toggle("counts", Boolean(data.bars));
    if (data.bars) return this.count(data.bars);
    const { shown } = data;
    if (shown && shown !== this.shown)
      this.rows = Object.fromEntries(["naive", "adaptive"].map((who) => [who, {
        attacked: bytes(shown[who].attacked), seen: bytes(shown[who].seen), shares: floats(shown[who].probabilities), within: shown[who].within }]));
    this.shown = shown;
    this.eps ??= data.eps;
    this.silence ??= hear(({ eps, norm }) => {
      if (norm !== this.data.norm) return;
      this.eps = eps;
      this.draw();
    });
    return this.draw();
  }

  draw() {
    const { data, shown, who } = this;
    for (const button of this.buttons) {
      button.setAttribute("aria-checked", String(button.dataset.who === who));
      button.tabIndex = button.dataset.who === who ? 0 : -1;
    }
    setText(this.note, KNOWS[who === "naive" ? "naive" : data.gradient]);
    this.guard.classList.toggle("waiting", !shown);
    if (!shown) {
      setClass(this.badge, "badge");
      setText(this.badge.lastElementChild, data.place ? ahead(data.place) : data.running ? WORKING : "Stopped");
      return;
    }
    const row = shown.epsilons.reduce((best, eps, at) => (Math.abs(eps - this.eps) < Math.abs(shown.epsilons[best] - this.eps) ? at : best), 0);
    const rows = this.rows[who];
    this.before.paintDigit((at) => rows.attacked[row * PIXELS + at]);
    this.behind.paintDigit((at) => rows.seen[row * PIXELS + at]);
    const shares = rows.shares.subarray(row * 10, row * 10 + 10);
    const digit = read(shares);
    const lost = read(rows.shares.subarray(0, 10)) !== data.label;
    const kind = lost ? "wrong" : !shown.epsilons[row] ? "start" : digit !== data.label ? (rows.within[row] ? "fooled" : "beyond") : "held";
    setClass(this.badge, `badge ${kind}`);
    setText(this.badge.lastElementChild, BADGES[kind]);
    setChip(this.chip, digit, data.label);
    setText(this.reads, `reads ${digit}`);
    setText(this.sure, percent(shares[digit]));
    this.before.canvas.setAttribute("aria-label", "The attacked digit, before the transform");
    this.behind.canvas.setAttribute("aria-label", `Behind the transform, read as ${digit}`);
  }

  count({ digits, eps, ...told }) {
    const words = { clean: "no attack", naive: "naive", adaptive: "adaptive", worst: "either" };
    this.bars.innerHTML = Object.entries(words).map(([name, word]) =>
      `<li class="${name === "worst" ? "worst" : ""}"><span>${word}</span><span class="well"><i style="width:${(100 * told[name]) / digits}%"></i></span><b>${told[name]} of ${digits}</b></li>`).join("");
    setText(this.note, `Read right behind the transform at ε${NBSP}=${NBSP}${eps}. Either: the digit has to withstand both attackers.`);
  }
}

export default mounted(Guard);
