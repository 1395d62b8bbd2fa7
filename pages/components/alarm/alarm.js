// How suspicious a detector finds clean digits, and the attacked one; the threshold is dragged here, ε is the page's.
import { floats } from "../shared/bytes.js";
import { ink } from "../shared/chart.js";
import { darkened } from "../shared/colours.js";
import { hear } from "../shared/here.js";
import { mounted } from "../shared/mount.js";
import { Progress } from "../shared/progress.js";
import { NBSP, setClass, setText, WORKING } from "../shared/words.js";
import { Axis, told, written } from "./axis.js";
import { Rows } from "./rows.js";
import { above } from "./scores.js";

const [EDGE, ROOF, FLOOR] = [10, 40, 22]; // pixels: beside the axis; above the bars, for two rows of names; under them
const BARS = 26; // about as many over the clean digits

class Alarm {
  constructor(root) {
    for (const name of ["alarm", "crowd", "plot", "grab", "badge", "said", "rate", "run", "back"]) this[name] = root.querySelector(`.${name}`);
    this.svg = root.querySelector(".plot svg");
    this.rows = new Rows(root);
    this.progress = new Progress(root, () => this.ask("stop", true));
    this.run.onclick = () => this.ask("run", this.eps);
    this.back.onclick = () => this.move(this.data.crowd.threshold);
    this.grab.onpointerdown = (event) => {
      if (event.button) return;
      this.grab.setPointerCapture(event.pointerId);
      this.hold = event.clientX - this.left - this.share * this.width; // the hand need not meet the line
      this.grab.focus({ preventScroll: true });
      event.preventDefault();
    };
    this.grab.onpointermove = (event) => this.hold != null && this.slide((event.clientX - this.left - this.hold) / this.width);
    this.grab.onpointerup = this.grab.onpointercancel = () => (this.hold = null);
    this.grab.onkeydown = (event) => this.key(event);
    this.watcher = new ResizeObserver(() => this.layout());
    this.watcher.observe(this.plot);
  }

  leave() {
    this.watcher.disconnect();
    this.silence?.();
  }

  // ------------------------------------------------------------------------------------------------ what Python sent
  update({ data, setTriggerValue }) {
    const { crowd, swept, trial } = data;
    if (data.fit !== this.data?.fit) this.threshold = null;
    Object.assign(this, { data, ask: setTriggerValue });
    darkened(this.alarm);
    this.alarm.classList.toggle("blank", !crowd);
    this.alarm.classList.toggle("waiting", !swept && data.running);
    if (crowd) {
      this.clean = floats(crowd.scores);
      this.threshold ??= crowd.threshold;
      const ends = swept ? swept.scores : [];
      // On a log axis nothing lies at 0: such scores stand at its left end.
      const low = crowd.log ? this.clean.find((score) => score > 0) : Math.min(this.clean[0], ...ends);
      this.axis = new Axis(low, Math.max(this.clean.at(-1), ...ends), crowd.log);
      setText(this.crowd.firstElementChild, `${this.clean.length.toLocaleString("en")} clean digits`);
      setText(this.crowd.children[1], crowd.log ? "by score, log scale" : "by score");
    }
    this.rows.update(trial, data.digits);
    const job = data.running ? data : trial;
    this.progress.bar.hidden = this.progress.stop.hidden = !job.running;
    this.progress.show(job.place, job.done, job.total, !job.running ? "" : !data.running ? WORKING : crowd ? "Scoring…" : "Learning…");
    this.eps ??= data.eps;
    this.silence ??= hear(({ eps, norm }) => {
      if (norm !== this.data.norm) return;
      this.eps = eps;
      this.draw();
    });
    this.layout();
  }

  // ------------------------------------------------------------------------------------------------- the threshold
  key(event) {
    const to = { ArrowLeft: this.share - 0.005, ArrowDown: this.share - 0.005, ArrowRight: this.share + 0.005, ArrowUp: this.share + 0.005,
      PageDown: this.share - 0.05, PageUp: this.share + 0.05, Home: 0, End: 1 }[event.key];
    if (to === undefined) return;
    this.slide(to);
    event.preventDefault();
  }

  slide(share) {
    this.move(this.axis.score(Math.max(0, Math.min(1, share))));
  }

  move(threshold) {
    this.threshold = threshold;
    this.draw();
  }

  get share() {
    return this.axis.share(this.threshold);
  }

  get left() {
    return this.plot.getBoundingClientRect().left + EDGE;
  }

  // ----------------------------------------------------------------------------------------------------- drawing
  /** What stands still while the hand moves: the bars and what is under them. */
  layout() {
    const box = this.plot.getBoundingClientRect();
    if (!box.width || !this.data?.crowd) return this.draw();
    const { axis, clean } = this;
    this.width = box.width - 2 * EDGE;
    this.floor = box.height - FLOOR;
    const spread = axis.share(clean.at(-1)) - axis.share(clean[0]);
    const count = Math.round(Math.min(Math.max(BARS, BARS / Math.max(spread, 1e-3)), this.width / 4));
    const heights = Array(count).fill(0);
    for (const score of clean) heights[Math.min(count - 1, Math.floor(axis.share(score) * count))] += 1;
    const most = Math.max(...heights);
    const wide = this.width / count;
    const bars = heights.map((height, at) => {
      const tall = height && Math.max(1, ((this.floor - ROOF - 4) * height) / most);
      return tall ? `M${(EDGE + at * wide + 0.5).toFixed(1)} ${this.floor}v${-tall.toFixed(1)}h${Math.max(wide - 1, 1).toFixed(1)}V${this.floor}` : "";
    });
    const ticks = axis.ticks(this.width < 300 ? 3 : 5).map(([score, text]) => {
      const x = EDGE + this.width * axis.share(score);
      const anchor = x < EDGE + 14 ? "start" : x > EDGE + this.width - 14 ? "end" : "middle";
      return `<text x="${anchor === "start" ? 0 : anchor === "end" ? box.width : x}" y="${box.height - 3}" text-anchor="${anchor}">${text}</text>`;
    });
    this.still = `<path d="${bars.join("")}" fill="${ink("blue-color")}"/><path d="M0 ${this.floor}H${box.width}" stroke="${ink("border-color")}"/>${ticks.join("")}`;
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.draw();
  }

  draw() {
    const { data, eps, norm } = { ...this, norm: this.data?.norm };
    if (!data) return;
    this.run.hidden = !data.crowd || data.running || data.trial.running || data.trial.naive && !data.trial.stopped && data.trial.of === eps.toFixed(data.decimals);
    this.run.disabled = !eps;
    setText(this.run, eps ? `Try ${data.digits} digits at ε${NBSP}=${NBSP}${eps.toFixed(data.decimals)}` : `Try ${data.digits} digits: drag ε first`);
    if (!data.crowd) {
      this.rows.draw();
      setText(this.rate, "");
      return this.speak("", data.running ? "Learning…" : "Not scored yet", "");
    }
    const { swept, crowd } = data;
    const alarms = above(this.clean, this.threshold);
    const share = `${((100 * alarms) / this.clean.length).toFixed(1)}${NBSP}%`;
    const row = swept && swept.epsilons.reduce((best, at, k) => (Math.abs(at - eps) < Math.abs(swept.epsilons[best] - eps) ? k : best), 0);
    const score = swept && swept.scores[row];
    const [own, limit] = swept ? told(score, this.threshold) : [null, written(this.threshold)];
    this.place(score);
    this.rate.innerHTML = `False alarms: <b>${share}</b> of ${this.clean.length.toLocaleString("en")} clean digits.`;
    const aria = { valuemin: 0, valuemax: 100, valuenow: (100 * this.share).toFixed(1), valuetext: `alarm above ${limit}: ${share} false alarms` };
    for (const [name, value] of Object.entries(aria)) this.grab.setAttribute(`aria-${name}`, value);
    this.back.hidden = this.threshold === crowd.threshold;
    this.rows.draw(this.threshold, crowd.threshold);
    if (!swept) return this.speak("", data.running ? "Scoring…" : "Not scored yet", `<span>Alarm above <b>${limit}</b>.</span>`);
    const flagged = score > this.threshold;
    const [kind, word] = flagged ? ["fooled flagged", "Flagged"] : swept.fooled[row] ? ["", "Fooled, unseen"] : [swept.wrong ? "" : "held", "Not flagged"];
    this.svg.setAttribute("aria-label", `Scores of ${this.clean.length} clean digits; this digit's is ${own}, ${word.toLowerCase()}`);
    return this.speak(kind, word, `<span>Score <b>${own}</b>,</span> <span>alarm above <b>${limit}</b>.</span>`);
  }

  speak(kind, word, words) {
    setClass(this.badge, `badge ${kind}`.trim());
    setText(this.badge.lastElementChild, word);
    if (this.said.innerHTML !== words) this.said.innerHTML = words;
  }

  /** The ground of the alarm, its line, and the digit's, each under its name; no line crosses a name. */
  place(score) {
    if (!this.still) return;
    const { width, floor } = this;
    const whole = width + 2 * EDGE;
    const at = EDGE + width * this.share;
    const ground = `<rect x="${at}" y="0" width="${whole - at}" height="${floor}" fill="${ink("orange-background-color")}"/>`;
    const word = `<text class="word" x="${whole - at > 60 ? at + 8 : at - 8}" y="14" text-anchor="${whole - at > 60 ? "start" : "end"}">alarm</text>`;
    let own = "";
    if (score != null) {
      const x = EDGE + width * this.axis.share(score);
      own = `<path d="M${x} ${ROOF - 2}V${floor}" stroke="${ink("orange-color")}" stroke-width="4"/><text class="digit" y="33">this digit</text>`;
      this.svg.innerHTML = ground + this.still + word + own;
      const name = this.svg.querySelector(".digit");
      const half = name.getComputedTextLength() / 2;
      const middle = Math.max(half, Math.min(whole - half, x));
      name.setAttribute("x", middle - half);
      this.grab.style.setProperty("--top", Math.abs(middle - at) < half + 5 ? `${ROOF - 2}px` : "0px");
    } else {
      this.svg.innerHTML = ground + this.still + word;
      this.grab.style.setProperty("--top", "0px");
    }
    this.grab.style.transform = `translateX(${at}px)`;
  }
}

export default mounted(Alarm);
