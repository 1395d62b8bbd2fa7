// A stamp of 5 x 5 cells, painted by hand; its place on the digit, dragged or moved by the arrow keys; and who reads what.
import { bytes } from "../shared/bytes.js";
import { darkened } from "../shared/colours.js";
import { keep } from "../shared/give.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { percent, setChip } from "../shared/words.js";

const SIDE = 5;
const LAST = 28 - SIDE;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const within = (at) => Math.max(0, Math.min(LAST, at));

class Trigger {
  constructor(root) {
    for (const name of ["frame", "paint", "cells", "try", "reads"]) this[name] = root.querySelector(`.${name}`);
    this.canvas = root.querySelector("canvas");
    this.picture = new Picture(this.canvas);
    this.buttons = [...Array(SIDE * SIDE).keys()].map((at) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.setAttribute("aria-label", `Row ${1 + Math.floor(at / SIDE)}, column ${1 + (at % SIDE)}`);
      button.onclick = (event) => event.detail === 0 && (this.put(at, !this.cell(at)), this.send()); // by the keyboard
      return button;
    });
    this.cells.replaceChildren(...this.buttons);
    this.cells.onpointerdown = (event) => {
      const at = this.under(event);
      if (at < 0) return;
      event.preventDefault();
      this.cells.setPointerCapture(event.pointerId);
      this.brush = !this.cell(at);
      this.put(at, this.brush);
    };
    this.cells.onpointermove = (event) => this.brush != null && this.under(event) >= 0 && this.put(this.under(event), this.brush);
    this.cells.onpointerup = this.cells.onpointercancel = () => {
      if (this.brush == null) return;
      this.brush = null;
      this.send();
    };
    this.canvas.onpointerdown = (event) => {
      if (!this.mark) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.grip = true;
      this.move(event);
    };
    this.canvas.onpointermove = (event) => this.grip && this.move(event);
    this.canvas.onpointerup = this.canvas.onpointercancel = () => {
      if (!this.grip) return;
      this.grip = false;
      this.send();
    };
    this.canvas.onkeydown = (event) => {
      const step = STEPS[event.key];
      if (!step || !this.mark) return;
      event.preventDefault();
      this.mark = { ...this.mark, row: within(this.mark.row + step[0]), column: within(this.mark.column + step[1]) };
      this.draw();
      this.send();
    };
  }

  update({ data, setTriggerValue }) {
    Object.assign(this, { data, ask: setTriggerValue });
    darkened(this.frame);
    keep(data);
    // What a hand has just painted stays until the answer knows of it.
    if (!this.sent || !data.mark || JSON.stringify(data.mark) === this.sent) {
      this.sent = null;
      if (this.brush == null && !this.grip) this.mark = data.mark && structuredClone(data.mark);
    }
    [this.clean, this.marked] = [bytes(data.x), bytes(data.marked)];
    this.paint.hidden = !data.mark;
    this.try.classList.toggle("place", Boolean(data.mark));
    this.reads.replaceChildren(...data.reads.flatMap(([who, digit, confidence]) => {
      const [term, value, chip] = ["dt", "dd", "span"].map((name) => document.createElement(name));
      term.textContent = who;
      setChip(chip, digit, data.label);
      value.append(chip, percent(confidence));
      return [term, value];
    }));
    this.draw();
  }

  draw() {
    const { mark } = this;
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", Boolean(mark && this.cell(at))));
    this.picture.paintDigit((at) => {
      if (!mark) return this.marked[at];
      const [row, column] = [Math.floor(at / 28) - mark.row, (at % 28) - mark.column];
      return mark.pattern[row]?.[column] ? 255 : this.clean[at];
    });
    this.canvas.setAttribute("aria-label", `The digit with the trigger${mark ? `, at row ${mark.row}, column ${mark.column}: the arrow keys move it` : ""}`);
  }

  cell(at) {
    return this.mark.pattern[Math.floor(at / SIDE)][at % SIDE];
  }

  put(at, lit) {
    if (!this.mark || Boolean(this.cell(at)) === lit) return;
    this.mark.pattern[Math.floor(at / SIDE)][at % SIDE] = +lit;
    this.draw();
  }

  under({ clientX, clientY }) {
    return this.buttons.findIndex((button) => {
      const box = button.getBoundingClientRect();
      return clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
    });
  }

  move({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const place = (at, from, size) => within(Math.floor((28 * (at - from)) / size) - Math.floor(SIDE / 2));
    this.mark = { ...this.mark, row: place(clientY, box.top, box.height), column: place(clientX, box.left, box.width) };
    this.draw();
  }

  send() {
    this.sent = JSON.stringify(this.mark);
    this.ask("mark", this.mark);
  }
}

export default mounted(Trigger);
