// The plane through a digit: a map to move over, and the digit of the place where the pointer is.
import { floats } from "../shared/bytes.js";
import { darkened, palette } from "../shared/colours.js";
import { keep, offer } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { percent, setChip } from "../shared/words.js";
import { drawOver, paintGround, Plane } from "./map.js";
import { saveMap, saveNumbers } from "./takeaway.js";

class Landscape {
  constructor(root) {
    this.node = root.querySelector(".land");
    for (const name of ["verdict", "sentence", "field", "ground", "over", "axis", "place", "legend"]) this[name] = root.querySelector(`.${name}`);
    this.plates = Object.fromEntries([...root.querySelectorAll("[data-plate]")].map((figure) => [figure.dataset.plate, new Picture(figure.querySelector("canvas"))]));
    this.here = new Picture(root.querySelector(".here canvas"));
    [this.chip, this.reads, this.sure] = root.querySelectorAll(".reading > *");
    this.colours = [...root.querySelectorAll("[data-colour]")];
    this.way = "class";
    this.colours.forEach((button) => (button.onclick = () => this.recolour(button.dataset.colour)));
    const follow = (event) => {
      const box = this.field.getBoundingClientRect();
      const cell = (value, from, size) => Math.floor(((value - from) / size) * this.plane.count);
      this.go(cell(event.clientX, box.left, box.width), cell(event.clientY, box.top, box.height));
    };
    this.field.onpointermove = this.field.onpointerdown = follow;
    this.field.onkeydown = (event) => {
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
      if (dx === undefined) return;
      this.go(this.at[0] + dx, this.at[1] + dy);
      event.preventDefault();
    };
    offer(root, () => this.data, {
      picture: () => saveMap(this),
      numbers: () => saveNumbers(this.data),
      code: () => this.ask("code", this.data.key),
    });
  }

  update({ data, setTriggerValue }) {
    this.ask = setTriggerValue;
    keep(data);
    const dark = darkened(this.node);
    if (this.data?.key === data.key && this.dark === dark) return;
    const moved = this.data?.key !== data.key;
    Object.assign(this, { data, dark });
    this.plane = new Plane(data.plane);
    for (const name of ["x", "u", "v"]) this[name] = floats(data.plane[name]);
    const tones = palette(this.node);
    const paint = (picture, change) => {
      const full = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1; // the largest entry, in full colour
      picture.paintChange((at) => change[at] / full, tones);
    };
    this.plates.x.paintDigit((at) => 255 * this.x[at]);
    for (const name of ["u", "v"]) paint(this.plates[name], this[name]);
    paint(this.plates.gradient, floats(data.gradient));
    this.node.querySelector('[data-plate="u"] figcaption').textContent = data.across;
    this.node.querySelector('[data-plate="v"] figcaption').textContent = data.up;
    this.headline();
    this.sentence.textContent = data.sentence;
    this.axis.textContent = data.axis;
    this.cross = drawOver(this.over, this.plane, data);
    this.explain();
    this.recolour(this.way);
    const middle = (this.plane.count - 1) / 2;
    if (moved) this.go(...(data.found ? this.plane.spot(data.found).map(Math.floor) : [middle, middle]));
    else this.go(...this.at);
  }

  headline() {
    const { headline, label } = this.data;
    this.verdict.replaceChildren(...headline.map((part) => {
      if (typeof part === "string") return document.createTextNode(part);
      const chip = document.createElement("span");
      setChip(chip, part, label);
      return chip;
    }));
  }

  explain() {
    const { ball, path, ballText, pathText } = this.data;
    const sample = (dash, text) => `<span><svg viewBox="0 0 34 12"><path d="M0 6H34" stroke-dasharray="${dash}"/></svg>${text}</span>`;
    this.legend.innerHTML = (ball ? sample("7 5", ballText) : "") + (path.length > 1 ? sample("none", pathText) : "");
  }

  recolour(way) {
    this.way = way;
    this.colours.forEach((button) => button.setAttribute("aria-checked", String(button.dataset.colour === way)));
    paintGround(this.ground, this.plane, this.data.label, way, this.node);
    this.ground.setAttribute("aria-label", `A map of ${this.plane.count} by ${this.plane.count} points, coloured by ${way}`);
  }

  /** Show the digit of a cell. */
  go(column, row) {
    const last = this.plane.count - 1;
    const [x, y] = [column, row].map((value) => Math.max(0, Math.min(last, value)));
    this.at = [x, y];
    const [a, b] = this.plane.point(x, y);
    this.here.paintDigit((at) => 255 * (this.x[at] + a * this.u[at] + b * this.v[at]));
    const cell = this.plane.index(x, y);
    const digit = this.plane.classes[cell];
    const sure = this.plane.confidence[cell] / 255;
    setChip(this.chip, digit, this.data.label);
    this.reads.textContent = `reads ${digit}`;
    this.sure.textContent = percent(sure);
    const { decimals } = this.data;
    this.place.textContent = `${a.toFixed(decimals)} across, ${b.toFixed(decimals)} up`;
    this.here.canvas.setAttribute("aria-label", `The digit there, read as ${digit}`);
    this.cross.innerHTML = `<path d="M${x + 0.5} 0V${last + 1}M0 ${y + 0.5}H${last + 1}" vector-effect="non-scaling-stroke"/>`;
  }
}

export default mounted(Landscape);
