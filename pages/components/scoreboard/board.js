// The table of colours: a row a network, a column an attack, a figure in each cell.
import { colour, heated } from "../shared/colours.js";
import { NBSP, setClass, setText } from "../shared/words.js";
import { CLEAN, inPercent, WORST } from "./scores.js";

const element = (name, kind, text = "") => Object.assign(document.createElement(name), { className: kind, textContent: text });

export class Board {
  /** press(cell) opens one; look(cell) is told over which the hand is, null over none; choose(attack) draws its curves. */
  constructor(root, { press, look, choose }) {
    Object.assign(this, { look, press, choose, head: root.querySelector("thead"), body: root.querySelector("tbody") });
    this.node = root.querySelector(".scoreboard");
    const cell = (event) => event.target.closest("td button:not([disabled])")?.cell ?? null;
    this.body.onpointerover = this.body.onfocus = (event) => look(cell(event));
    this.body.addEventListener("focusin", (event) => look(cell(event)));
    this.body.onpointerleave = () => look(null);
    this.body.onclick = (event) => cell(event) && press(cell(event));
  }

  draw({ scores, data, under }) {
    const columns = [[CLEAN, "No attack"], ...scores.attacks.map(({ name, title }) => [name, title]), [WORST, scores.whole ? "worst" : "worst so far"]];
    const top = document.createElement("tr");
    top.append(element("th", "who"), ...columns.map(([name, title]) => {
      const [head, button] = [element("th", name === WORST ? "last" : ""), element("button", "", title)];
      head.scope = "col";
      Object.assign(button, { type: "button", disabled: name === CLEAN, onclick: () => this.choose(name) });
      if (name === under) button.setAttribute("aria-current", "true");
      head.append(button);
      return head;
    }));
    this.head.replaceChildren(top);
    this.rows = new Map();
    this.body.replaceChildren(...scores.models.map(({ name: model, title }) => {
      const row = document.createElement("tr");
      const cells = columns.map(([name]) => {
        const [place, button] = [element("td", name === WORST ? "last" : ""), element("button", "")];
        Object.assign(button, { type: "button", cell: { model, column: name } });
        place.append(button);
        return button;
      });
      row.append(Object.assign(element("th", "who", title), { scope: "row" }), ...cells.map((button) => button.parentNode));
      this.rows.set(model, { row, cells });
      return row;
    }));
    this.waiting = data.waiting ?? {};
    this.titles = Object.fromEntries([...data.models.map(({ name, title }) => [name, title]), ...columns]);
  }

  /** Figures and colours at the ε of now. */
  move({ scores, picks }) {
    const tones = ["--cool", "--pale", "--hot"].map((name) => colour(this.node, name));
    const { models } = scores.leaders(picks.place);
    for (const [model, { row, cells }] of this.rows) {
      row.classList.toggle("leads", models.some(({ name }) => name === model));
      for (const button of cells) {
        const { column } = button.cell;
        const right = scores.right(model, column, picks.place);
        const waits = this.waiting[`${scores.norm.name} ${model} ${column}`];
        button.disabled = right === undefined;
        setClass(button, right !== undefined ? (column === WORST ? "sum" : "told") : waits === undefined ? "none" : waits === null ? "queued" : "running");
        setText(button, right !== undefined ? inPercent(right, scores.count) : waits === undefined ? (column === WORST ? "–" : "not measured") : waits === null ? "queued" : `${Math.round(100 * waits)}${NBSP}%`);
        button.style.background = right !== undefined && column !== WORST ? heated(1 - right / scores.count, tones) : "";
        button.setAttribute("aria-label", `${this.titles[model]}, ${this.titles[column]}: ${button.textContent}`);
      }
    }
  }

  /** Set a network's row apart. */
  mark(model) {
    for (const [name, { row }] of this.rows) row.classList.toggle("marked", name === model);
  }
}
