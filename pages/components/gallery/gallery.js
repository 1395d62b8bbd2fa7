// All attacks on one digit as small multiples: cards that come in as the attacks end, sorted here, opened by a press.
import { darkened, palette } from "../shared/colours.js";
import { keep, offer } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { Progress } from "../shared/progress.js";
import { NBSP, setText, WORKING } from "../shared/words.js";
import { Card } from "./card.js";
import { saveNumbers, savePicture } from "./takeaway.js";

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
  constructor(root) {
    for (const name of ["gallery", "verdict", "sentence", "cards"]) this[name] = root.querySelector(`.${name}`);
    this.select = root.querySelector("select");
    this.select.replaceChildren(...Object.entries(ORDERS).map(([key, [word]]) => new Option(word, key)));
    this.select.onchange = () => this.draw();
    this.shown = new Map();
    this.progress = new Progress(root, () => this.ask("stop", this.data.key));
    offer(root, () => this.data, {
      picture: () => savePicture(this),
      numbers: () => saveNumbers(this.data),
      code: () => this.ask("code", this.data.key),
    });
  }

  update({ data, setTriggerValue }) {
    this.ask = setTriggerValue;
    if (this.data?.key !== data.key) {
      this.shown.forEach((card) => card.item.remove());
      this.shown.clear();
    }
    if (data.opens && !this.data?.opens) setTriggerValue("go", data.key);
    this.data = data;
    keep(data);
    const dark = darkened(this.gallery);
    if (dark !== this.dark) this.shown.forEach((card) => card.forget());
    this.dark = dark;
    this.draw();
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
      : done.length ? `${fooled.length} of ${done.length} attacks fool the network${so}` : WORKING);
    setText(this.sentence, data.sentence ?? this.best(fooled));
    this.progress.show(data.place, data.done, all, data.running ? `${data.done} of ${all} attacks` : data.stopped ? `stopped at ${data.done} of ${all}` : `all ${all} attacks`);
    this.progress.stop.hidden = !data.running;
    const key = this.select.value || "order";
    const tones = palette(this.gallery);
    this.ordered().forEach((told, at) => {
      const card = this.shown.get(told.name) ?? new Card(told.name, () => this.ask("open", told.name));
      this.shown.set(told.name, card);
      card.draw(told, data, key, tones);
      if (this.cards.children[at] !== card.item) this.cards.insertBefore(card.item, this.cards.children[at] ?? null);
    });
  }

  /** Which did it with the least, in words. */
  best(fooled) {
    if (!fooled.length) return this.data.running ? "They come in as they end, the cheap ones first." : "None of them found a change within its budget that is read wrong.";
    const least = (key, among) => among.reduce((one, other) => (other[key] < one[key] ? other : one));
    const small = least("l2", fooled);
    const timed = fooled.filter((card) => !card.made_before);
    const quick = timed.length ? ((card) => ` Least time: ${card.title}, ${card.ms.toFixed(0)}${NBSP}ms.`)(least("ms", timed)) : "";
    return `Least change in L2: ${small.title}, ${small.l2.toFixed(2)}.${quick} Press a card to try it on the Attack page.`;
  }
}

export default mounted(Gallery);
