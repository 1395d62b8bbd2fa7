// One line a network against ε, named at its end; ε is the table's, and is dragged along the curves.
import { ink } from "../shared/chart.js";
import { way } from "../shared/svg.js";
import { NBSP } from "../shared/words.js";
import { inPercent } from "./scores.js";

const DASHES = ["", "7 4", "2 3.4"]; // with the five colours fifteen networks are told apart
const APART = 17; // pixels between two names
const safe = (text) => text.replace(/[<>&"]/g, (each) => `&#${each.charCodeAt(0)};`);

/** A marker of a form of its own for each colour. */
const MARKS = [
  (x, y) => `M${x} ${y - 5}l5 9h-10z`,
  (x, y) => `M${x} ${y - 5}l5 5l-5 5l-5 -5z`,
  (x, y) => `M${x - 4} ${y - 4}h8v8h-8z`,
  (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
  (x, y) => `M${x - 5} ${y - 4}h10l-5 9z`,
];

export class Curves {
  /** slide(place): ε was dragged there; rest(): it was let go; look(model): the hand is on its line, null on none. */
  constructor(svg, { slide, rest, look }) {
    Object.assign(this, { svg, slide, rest, look });
    this.watcher = new ResizeObserver(() => this.told && (this.draw(this.told), this.move(this.told)));
    this.watcher.observe(svg);
    svg.onpointerdown = (event) => {
      if (event.button || event.target.closest(".name")) return;
      this.dragging = true;
      svg.setPointerCapture(event.pointerId);
      this.follow(event);
    };
    svg.onpointermove = (event) => this.dragging && this.follow(event);
    svg.onpointerup = svg.onpointercancel = () => {
      if (this.dragging) rest();
      this.dragging = false;
    };
    svg.onpointerover = (event) => this.mark(event.target.closest("[data-model]")?.dataset.model ?? null, true);
    svg.onpointerleave = () => this.mark(null, true);
  }

  leave() {
    this.watcher.disconnect();
  }

  follow(event) {
    const at = event.clientX - this.svg.getBoundingClientRect().left;
    const places = this.told.scores.norm.epsilons.map((eps) => Math.abs(this.x(eps) - at));
    this.slide(places.indexOf(Math.min(...places)));
  }

  draw(told) {
    this.told = told;
    const box = this.svg.getBoundingClientRect();
    if (!box.width) return;
    const { scores, under: column, data } = told;
    const { epsilons, decimals } = scores.norm;
    const drawn = scores.models.filter(({ name }) => scores.held.get(name)[column]);
    const room = Math.min(32 + 7.5 * Math.max(8, ...drawn.map(({ title }) => title.length)), box.width * 0.42);
    const [left, right, top, bottom] = [48, box.width - room, 30, box.height - 30];
    this.x = (eps) => left + ((right - left) * eps) / epsilons.at(-1);
    this.y = (share) => bottom - (bottom - top) * share;
    Object.assign(this, { top, bottom });
    const parts = [1, 0.75, 0.5, 0.25, 0].map((share) => `<path class="line" d="M${left} ${this.y(share)}H${right}"/>` +
      (share % 0.5 ? "" : `<text x="${left - 8}" y="${this.y(share) + 5}" text-anchor="end">${100 * share}${share === 1 ? `${NBSP}%` : ""}</text>`));
    const steps = epsilons.filter((_, at) => epsilons.length < 6 || at % 2 === 1);
    parts.push(`<text x="${left}" y="${bottom + 22}" text-anchor="middle">0</text>`, ...steps.map((eps) => `<text x="${this.x(eps)}" y="${bottom + 22}" text-anchor="middle">${eps.toFixed(decimals - 1)}</text>`));
    const order = new Map(data.models.map(({ name }, at) => [name, at]));
    this.ends = drawn.map(({ name, title }) => {
      const heights = [0, ...epsilons].map((eps, at) => [this.x(eps), this.y(scores.held.get(name)[column][at] / scores.count)]);
      const at = order.get(name);
      const tone = `var(--line-${at % 5})`;
      const dash = DASHES[Math.floor(at / 5) % DASHES.length];
      const marks = heights.slice(1).map(([x, y]) => MARKS[at % 5](x, y)).join("");
      parts.push(`<g class="model" data-model="${safe(name)}"><path class="touch" d="${way(heights)}"/><path class="way" d="${way(heights)}" stroke="${tone}" stroke-dasharray="${dash}"/><path class="marks" d="${marks}" fill="${tone}"/></g>`);
      return { name, title, tone, y: heights.at(-1)[1], from: heights.at(-1)[1] };
    });
    this.spread(top, bottom);
    for (const { name, title, tone, y, from } of this.ends)
      parts.push(`<g data-model="${safe(name)}" class="named"><path class="lead" d="M${right + 6} ${from}L${right + 14} ${y}"/><text class="name" x="${right + 18}" y="${y + 5}" style="fill:${tone}">${safe(title)}</text></g>`);
    parts.push(`<path class="now" d="M0 ${top - 8}V${bottom + 6}"/><text class="here" y="${top - 14}"></text>`);
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.svg.innerHTML = parts.join("");
    const { marked } = this;
    this.marked = undefined;
    this.mark(marked ?? null);
    if (!drawn.length) this.svg.insertAdjacentHTML("beforeend", `<text x="${left + 14}" y="${this.y(0.5) - 10}">not measured</text>`);
  }

  /** Names that would lie on each other make room, and stay on the sheet. */
  spread(top, bottom) {
    this.ends.sort((one, other) => one.y - other.y);
    this.ends.forEach((end, at, all) => at && (end.y = Math.max(end.y, all[at - 1].y + APART)));
    let most = bottom;
    for (const end of [...this.ends].reverse()) {
      end.y = Math.min(end.y, most);
      most = end.y - APART;
    }
  }

  move({ scores, picks, under: column }) {
    const [now, here] = [this.svg.querySelector(".now"), this.svg.querySelector(".here")];
    if (!now) return;
    const eps = scores.norm.epsilons[picks.place];
    const x = this.x(eps);
    now.setAttribute("transform", `translate(${x})`);
    here.setAttribute("x", x);
    here.setAttribute("text-anchor", "middle");
    here.textContent = `ε = ${eps.toFixed(scores.norm.decimals)}`;
    const all = this.ends.map(({ name, title }) => `${title} ${inPercent(scores.right(name, column, picks.place), scores.count)} %`);
    this.svg.setAttribute("aria-label", `At ε = ${eps}: ${all.join(", ") || "nothing is measured"}`);
  }

  /** Set one network's line apart. self: the hand is here, and whoever listens is told. */
  mark(model, self = false) {
    if (this.marked === model) return;
    this.marked = model;
    this.svg.classList.toggle("one", model != null);
    for (const node of this.svg.querySelectorAll("[data-model]")) node.classList.toggle("on", node.dataset.model === model);
    if (self) this.look(model);
  }
}
