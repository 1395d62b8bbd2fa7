// The scoreboard: picks, the table of colours and the curves, which one drag of ε moves together.
import { darkened } from "../shared/colours.js";
import { copyLink, give, keep } from "../shared/give.js";
import { tell } from "../shared/here.js";
import { mounted } from "../shared/mount.js";
import { NBSP, setText } from "../shared/words.js";
import { Curves } from "./curves.js";
import { inPercent, interval, Scores, WORST, CLEAN } from "./scores.js";
import { picture } from "./takeaway.js";
import { Board } from "./board.js";

const made = (name, kind, text) => Object.assign(document.createElement(name), { className: kind, textContent: text });

class Scoreboard {
  constructor(root) {
    const one = (selector) => root.querySelector(selector);
    for (const name of ["scoreboard", "verdict", "sentence", "eps", "norm", "count", "models", "attacks", "column", "readout", "tables", "which", "top", "origin"])
      this[name] = one(`.${name}`);
    this.board = new Board(root, { press: (cell) => this.press(cell), look: (cell) => this.look(cell), choose: (under) => this.pick({ under }) });
    this.curves = new Curves(one(".lines"), { slide: (place) => this.slide(place), rest: () => this.tell(), look: (model) => this.board.mark(model) });
    this.count.onchange = () => this.pick({ count: Number(this.count.value) });
    this.column.onchange = () => this.pick({ under: this.column.value });
    one(".copy").onclick = () => copyLink(this.data, one(".copy .word"));
    one(".save").onclick = () => picture(this);
    for (const button of root.querySelectorAll(".take")) button.onclick = () => this.ask("take", button.value);
    // A list of choices closes as any menu does.
    this.shut = (event) => {
      const path = event.composedPath();
      for (const list of [this.models, this.attacks])
        if (event.type === "keydown" ? event.key === "Escape" : !path.includes(list)) list.open = false;
    };
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, this.shut);
  }

  leave() {
    this.curves.leave();
    for (const kind of ["pointerdown", "keydown"]) document.removeEventListener(kind, this.shut);
  }

  update({ data, setStateValue, setTriggerValue }) {
    if (data.opens && !this.data?.opens) setTriggerValue("go", data.link);
    const fresh = JSON.stringify([data.norms, data.models, data.counts, data.waiting, data.tables, darkened(this.scoreboard)]);
    const other = this.fresh !== fresh;
    keep(data);
    Object.assign(this, { data, fresh, state: setStateValue, ask: setTriggerValue });
    if (data.taken && data.taken.id !== this.taken) give(new Blob([data.taken.text], { type: "text/plain" }), data, data.taken.kind);
    this.taken = data.taken?.id ?? this.taken;
    setText(this.origin, data.origin);
    // What was picked here is ahead of a server that has not heard of it yet: only what is new there counts.
    const heard = JSON.stringify(data.picks);
    if (heard !== this.heard) this.picks = structuredClone(data.picks);
    this.heard = heard;
    if (other || this.drawn !== JSON.stringify(this.picks)) this.draw();
  }

  /** Make a pick, draw what comes of it, and tell the server. */
  pick(changed) {
    Object.assign(this.picks, changed);
    this.draw();
    this.tell();
  }

  slide(place) {
    if (place === this.picks.place) return;
    this.picks.place = place;
    this.drawn = JSON.stringify(this.picks);
    this.move();
  }

  tell() {
    this.state("picks", structuredClone(this.picks));
  }

  // ------------------------------------------------------------------------------------------------------ what is drawn
  draw() {
    this.drawn = JSON.stringify(this.picks);
    this.scores = new Scores(this.data, this.picks);
    const { norm, attacks } = this.scores;
    this.picks.place = Math.min(this.picks.place, norm.epsilons.length - 1);
    this.under = attacks.some(({ name }) => name === this.picks.under) ? this.picks.under : WORST;
    this.which.hidden = !this.data.tables.length;
    this.top.classList.toggle("full", !this.which.hidden);
    this.segments(this.tables, this.data.tables, (table) => this.pick({ table }));
    this.segments(this.eps, norm.epsilons.map((eps, place) => [place, eps.toFixed(Math.max(norm.decimals - 1, 1))]), (place) => this.pick({ place }));
    this.segments(this.norm, this.data.norms.map(({ name, title }) => [name, title]), (name) => this.pick({ norm: name }));
    this.count.replaceChildren(...this.data.counts.map((count) => new Option(count, count, false, count === this.scores.count)));
    this.column.replaceChildren(...[...attacks, { name: WORST, title: "the worst" }].map(({ name, title }) => new Option(title, name, false, name === this.under)));
    this.choices(this.models, "model", "Models", this.data.models);
    this.choices(this.attacks, "attack", "Attacks", norm.attacks);
    this.board.draw(this);
    this.curves.draw(this);
    this.move();
  }

  /** What moves with ε. */
  move() {
    const { scores, picks } = this;
    this.eps.querySelectorAll("button").forEach((button, place) => this.check(button, place === picks.place));
    this.norm.querySelectorAll("button").forEach((button) => this.check(button, button.value === scores.norm.name));
    this.tables.querySelectorAll("button").forEach((button) => this.check(button, button.value === picks.table));
    const eps = scores.norm.epsilons[picks.place].toFixed(scores.norm.decimals);
    const { most, models } = scores.leaders(picks.place);
    const so = scores.whole ? "" : " so far";
    const names = models.length > 2 ? `${models[0].title} and ${models.length - 1} others` : models.map(({ title }) => title).join(" and ");
    setText(this.verdict, models.length ? `${names} ${models.length > 1 ? "lead" : "leads"}: ${inPercent(most, scores.count)}${NBSP}% at worst${so}` : "Nothing is measured yet");
    setText(this.sentence, `Share of ${scores.count} bundled digits that are still read right within ε${NBSP}=${NBSP}${eps} in ${scores.norm.title}, in percent; the best over all ε first.`);
    tell(scores.norm.epsilons[picks.place], scores.norm.name);
    this.board.move(this);
    this.curves.move(this);
    this.look(this.over ?? null);
  }

  check(button, on) {
    button.setAttribute("aria-checked", on);
    button.tabIndex = on ? 0 : -1;
  }

  segments(node, options, choose) {
    node.replaceChildren(...options.map(([value, text], at) => {
      const button = Object.assign(made("button", "", text), { type: "button", value });
      button.setAttribute("role", "radio");
      button.onclick = () => choose(value);
      button.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const to = (at + step + options.length) % options.length;
        choose(options[to][0]);
        node.children[to].focus();
      };
      return button;
    }));
  }

  /** The list in which models or attacks are left out. */
  choices(node, kind, word, all) {
    const { without } = this.picks;
    const shown = all.filter(({ name }) => !without.includes(`${kind} ${name}`)).length;
    setText(node.querySelector("summary"), shown === all.length ? `${word}: all` : `${word}: ${shown} of ${all.length}`);
    node.querySelector(".choices").replaceChildren(...all.map(({ name, title }) => {
      const [label, box] = [made("label", "", ""), Object.assign(document.createElement("input"), { type: "checkbox" })];
      box.checked = !without.includes(`${kind} ${name}`);
      box.disabled = box.checked && shown === 1;
      box.onchange = () => this.pick({ without: box.checked ? without.filter((each) => each !== `${kind} ${name}`) : [...without, `${kind} ${name}`] });
      label.append(box, title);
      return label;
    }));
  }

  // ---------------------------------------------------------------------------------------------------- what is pressed
  press({ model, column }) {
    const { scores, picks } = this;
    const attack = column === WORST || column === CLEAN ? scores.strongest(model, picks.place) : column;
    const eps = column === CLEAN ? 0 : scores.norm.epsilons[picks.place];
    this.ask("open", { model, attack, norm: scores.norm.name, eps });
  }

  /** Say a cell's figures in full; those of nothing: what a press does. */
  look(cell) {
    const { scores, picks } = this;
    this.over = cell;
    this.curves.mark(cell?.model ?? null);
    const beyond = scores.norm.epsilons[picks.place] > scores.norm.top;
    if (!cell || scores.right(cell.model, cell.column, picks.place) === undefined) {
      setText(this.readout, `A press on a cell opens it on the Attack page${beyond ? `, where ε ends at ${scores.norm.top.toFixed(scores.norm.decimals)}` : ""}; a press on an attack draws its curves.`);
      return;
    }
    const right = scores.right(cell.model, cell.column, picks.place);
    const [low, high] = interval(right, scores.count).map((share) => (100 * share).toFixed(1));
    const title = this.data.models.find(({ name }) => name === cell.model).title;
    const under = cell.column === CLEAN ? "before any attack" : cell.column === WORST ? "whatever the attack" : `under ${scores.attacks.find(({ name }) => name === cell.column).title}`;
    setText(this.readout, `${title} ${under}: ${right} of ${scores.count} digits read right, ${inPercent(right, scores.count)}${NBSP}% (95${NBSP}% interval ${low} to ${high}).`);
  }
}

export default mounted(Scoreboard);
