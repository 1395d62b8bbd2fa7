// Which digits are read as which: a table of counts for each network, and in words what the pointer or the keys are on.
import { darkened } from "../shared/colours.js";
import { mounted } from "../shared/mount.js";
import { setClass, setText } from "../shared/words.js";

const DIGITS = [...Array(10).keys()];
const PLURALS = ["zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines"];
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -9], End: [0, 9] };
const within = (at) => Math.max(0, Math.min(9, at));
const total = (row) => row.reduce((sum, count) => sum + count, 0);
const element = (name, kind, text = "") => Object.assign(document.createElement(name), { className: kind, textContent: text });

/** One network's table, and the sentence under it. */
class Side {
  constructor() {
    this.root = element("div", "side");
    [this.name, this.said] = [element("p", "name"), element("p", "said")];
    this.title = element("b", "");
    this.count = element("span", "");
    this.name.append(this.title, this.count);
    this.table = element("table", "");
    this.table.setAttribute("role", "grid");
    this.build();
    this.root.append(this.name, this.table, this.said);
    const under = ({ target }) => this.cells.findIndex((row) => row.includes(target));
    this.table.onpointerover = (event) => {
      const i = under(event);
      this.speak(i < 0 ? this.held : [i, this.cells[i].indexOf(event.target)]);
    };
    this.table.onpointerleave = () => this.speak(this.held);
    this.table.addEventListener("focusin", (event) => {
      const i = under(event);
      if (i < 0) return;
      this.held = [i, this.cells[i].indexOf(event.target)];
      this.stop(this.held);
      this.speak(this.held);
    });
    this.table.addEventListener("focusout", () => {
      this.held = null;
      this.speak(null);
    });
    this.table.onkeydown = (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      const [i, j] = this.place.map((at, k) => within(at + step[k]));
      this.cells[i][j].focus();
    };
  }

  build() {
    const columns = document.createElement("colgroup");
    columns.append(element("col", "axis"), element("col", "head"), ...DIGITS.map(() => element("col", "")));
    const [head, over, under, body] = ["thead", "tr", "tr", "tbody"].map((name) => document.createElement(name));
    const heading = (text, kind, attributes) => {
      const node = element("th", kind, text);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      return node;
    };
    over.append(heading("", "", { colspan: 2 }), heading("read as", "axis", { colspan: 10, scope: "colgroup" }));
    under.append(heading("", "", { colspan: 2 }), ...DIGITS.map((digit) => heading(digit, "", { scope: "col" })));
    head.append(over, under);
    this.cells = DIGITS.map(() => DIGITS.map(() => Object.assign(element("td", ""), { tabIndex: -1 })));
    body.append(...this.cells.map((row, i) => {
      const line = document.createElement("tr");
      if (!i) {
        const down = heading("", "axis down", { rowspan: 10, scope: "rowgroup" });
        down.append(element("span", "", "true class"));
        line.append(down);
      }
      line.append(heading(i, "", { scope: "row" }), ...row);
      return line;
    }));
    this.table.append(columns, head, body);
    this.stop([0, 0]);
  }

  /** Let the Tab key stop at that cell, and at no other. */
  stop(place) {
    for (const row of this.cells) for (const cell of row) cell.tabIndex = -1;
    this.place = place;
    this.cells[place[0]][place[1]].tabIndex = 0;
  }

  update(name, counts, wanted) {
    this.counts = counts;
    const meant = DIGITS.filter((digit) => !wanted || (wanted[digit] >= 0 && wanted[digit] !== digit));
    const met = total(meant.map((digit) => counts[digit][wanted ? wanted[digit] : digit]));
    const all = total(meant.map((digit) => total(counts[digit])));
    setText(this.title, name);
    setText(this.count, `, ${met.toLocaleString("en")} of ${all.toLocaleString("en")} read ${wanted ? "as wanted" : "right"}`);
    this.table.setAttribute("aria-label", name + this.count.textContent);
    this.cells.forEach((row, i) => row.forEach((cell, j) => {
      const count = counts[i][j];
      const share = count / Math.max(total(counts[i]), 1);
      setText(cell, count ? String(count) : "");
      setClass(cell, [i === j && "right", !count && "none", wanted && wanted[i] === j && i !== j && "wanted"].filter(Boolean).join(" "));
      cell.style.setProperty("--share", (0.15 + 0.85 * Math.sqrt(share)).toFixed(3)); // so that few are seen, too
      cell.setAttribute("aria-label", this.words(i, j));
    }));
    this.speak(this.held);
  }

  words(i, j) {
    const count = this.counts[i][j];
    return `Of ${total(this.counts[i])} ${PLURALS[i]}, ${count ? `${count} ${count === 1 ? "is" : "are"}` : "none is"} read as ${j}`;
  }

  /** Say what a cell holds; where none is meant, what is mistaken most often. */
  speak(place) {
    const [i, j] = place ?? this.most();
    setText(this.said, i == null ? "None is mistaken." : `${place ? "" : "Most often: of "}${place ? this.words(i, j) : this.words(i, j).slice(3)}.`);
  }

  most() {
    let best = [];
    for (const i of DIGITS) for (const j of DIGITS) if (i !== j && this.counts[i][j] > (best[2] ?? 0)) best = [i, j, this.counts[i][j]];
    return best;
  }
}

class Confusion {
  constructor(root) {
    for (const name of ["frame", "words", "which"]) this[name] = root.querySelector(`.${name}`);
    this.sides = [new Side(), new Side()];
    root.querySelector(".sides").replaceChildren(...this.sides.map((side) => side.root));
    this.buttons = [...root.querySelectorAll("[data-which]")];
    for (const button of this.buttons) button.onclick = () => this.choose(button.dataset.which);
    this.which.onkeydown = (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      this.choose(this.shown === "clean" ? "stamped" : "clean");
      this.buttons.find((button) => button.dataset.which === this.shown).focus();
    };
    this.shown = "clean";
  }

  update({ data }) {
    this.data = data;
    darkened(this.frame);
    this.which.hidden = !data.shown.stamped;
    this.choose(data.shown[this.shown] ? this.shown : "clean");
  }

  choose(which) {
    const { names, shown, words, wanted } = this.data;
    this.shown = which;
    setText(this.words, words[which]);
    for (const button of this.buttons) {
      button.setAttribute("aria-checked", String(button.dataset.which === which));
      button.tabIndex = button.dataset.which === which ? 0 : -1;
    }
    this.sides.forEach((side, at) => side.update(names[at], shown[which][at], which === "stamped" ? wanted : null));
  }
}

export default mounted(Confusion);
