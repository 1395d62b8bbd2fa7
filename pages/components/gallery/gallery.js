// All attacks on one digit as small multiples: cards that come in as the attacks end, sorted here, opened by a press.
import { fullName, Card } from "./card.js";
import { copyLink } from "./give.js";
import { saveNumbers, savePicture } from "./takeaway.js";

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

// What a visitor may sort by: the word, and the number of a card; the smallest stands first.
const ORDERS = {
  order: ["What they cost", (card, at) => at],
  linf: ["Size in L∞", (card) => card.linf],
  l2: ["Size in L2", (card) => card.l2],
  l1: ["Size in L1", (card) => card.l1],
  touched: ["Pixels touched", (card) => card.touched],
  gradients: ["Gradients", (card) => card.gradients],
  queries: ["Queries", (card) => card.queries],
  ms: ["Time", (card) => card.ms],
  sure: ["Confidence, highest first", (card) => -Math.max(...card.probabilities)],
};

class Gallery {
  constructor(root, data, setTriggerValue) {
    Object.assign(this, { root, setTriggerValue });
    this.node = root.querySelector(".gallery");
    for (const name of ["verdict", "sentence", "bar", "far", "stop", "cards"]) this[name] = root.querySelector(`.${name}`);
    this.select = root.querySelector("select");
    this.select.replaceChildren(...Object.entries(ORDERS).map(([key, [word]]) => new Option(word, key)));
    this.select.onchange = () => this.draw();
    this.shown = new Map();
    this.stop.onclick = () => this.ask("stop", this.data.key);
    const copy = root.querySelector(".copy");
    copy.onclick = () => copyLink(this.data, copy.querySelector(".word"));
    root.querySelector(".save").onclick = () => savePicture(this);
    root.querySelector(".json").onclick = () => saveNumbers(this.data);
    root.querySelector(".code").onclick = () => this.ask("code", this.data.key);
  }

  ask(name, value) {
    this.setTriggerValue(name, value);
  }

  take(data) {
    if (this.data?.key !== data.key) {
      this.shown.forEach((card) => card.item.remove());
      this.shown.clear();
    }
    this.data = data;
    const dark = this.brightness() < 128;
    if (dark !== this.dark) this.shown.forEach((card) => card.forget());
    this.dark = dark;
    this.node.classList.toggle("dark", dark);
    this.draw();
  }

  brightness() {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(this.node).getPropertyValue("--st-background-color").trim() || "#fff";
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(probe.fillStyle.slice(at, at + 2), 16));
    return (r + g + b) / 3;
  }

  /** The cards in the chosen order: those with a result first. */
  ordered() {
    const { cards, key } = { cards: this.data.cards, key: this.select.value || "order" };
    const number = ORDERS[key][1];
    const rank = (card, at) => (card.probabilities ? number(card, at) : Infinity);
    // An attack that fooled nobody has a size, too; but who sorts by size asks which got there with the least.
    const missed = (card) => key !== "order" && card.kind !== "fooled";
    return cards.map((card, at) => [missed(card), rank(card, at), at, card])
      .sort((one, other) => one[0] - other[0] || one[1] - other[1] || one[2] - other[2]).map(([, , , card]) => card);
  }

  draw() {
    const { data } = this;
    const done = data.cards.filter((card) => card.kind);
    const fooled = done.filter((card) => card.kind === "fooled");
    const all = data.total;
    const so = data.running ? " so far" : "";
    setText(this.verdict, data.wrong != null ? `The network reads ${data.wrong} before any attack`
      : done.length ? `${fooled.length} of ${done.length} attacks fool the network${so}` : "Attacking…");
    setText(this.sentence, data.sentence ?? this.best(fooled));
    this.bar.firstElementChild.style.transform = `scaleX(${all ? data.done / all : 0})`;
    this.bar.setAttribute("aria-valuenow", data.done);
    this.bar.setAttribute("aria-valuemax", all);
    setText(this.far, data.place ? `${data.place} ahead in the queue` : data.running ? `${data.done} of ${all} attacks` : data.stopped ? `stopped at ${data.done} of ${all}` : `all ${all} attacks`);
    this.stop.hidden = !data.running;
    const key = this.select.value || "order";
    this.ordered().forEach((told, at) => {
      const card = this.shown.get(told.name) ?? new Card(told.name, () => this.ask("open", told.name));
      this.shown.set(told.name, card);
      card.draw(told, data, key, this.node);
      if (this.cards.children[at] !== card.item) this.cards.insertBefore(card.item, this.cards.children[at] ?? null);
    });
  }

  /** Which did it with the least, in words. */
  best(fooled) {
    if (!fooled.length) return this.data.running ? "They come in as they end, the cheap ones first." : "None of them found a change within its budget that is read wrong.";
    const least = (key) => fooled.reduce((one, other) => (other[key] < one[key] ? other : one));
    const [small, quick] = [least("l2"), least("ms")];
    return `Least change in L2: ${fullName(small)}, ${small.l2.toFixed(2)}. Least time: ${fullName(quick)}, ${quick.ms.toFixed(0)}\u00a0ms. Press a card to try it on the Attack page.`;
  }
}

const mounted = new WeakMap();
export default function ({ data, parentElement, setTriggerValue }) {
  const gallery = mounted.get(parentElement) ?? new Gallery(parentElement, data, setTriggerValue);
  mounted.set(parentElement, gallery);
  gallery.setTriggerValue = setTriggerValue;
  gallery.take(data);
}
