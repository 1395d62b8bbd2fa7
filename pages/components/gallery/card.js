// One attack's card: the digit it made, the change, what it is read as, what it took.
import { bytes, signed } from "../shared/bytes.js";
import { Picture } from "../shared/picture.js";
import { BADGES, grouped, NBSP, percent, setChip, WORKING } from "../shared/words.js";

export class Card {
  constructor(name, open) {
    this.item = document.createElement("li");
    this.item.innerHTML = `<button type="button" class="card"><header><b></b><span class="badge"></span></header>
      <canvas width="28" height="28" role="img"></canvas><canvas width="28" height="28" role="img"></canvas>
      <span class="reads"><span class="chip"></span><span></span></span><dl></dl><p class="note"></p></button>`;
    this.button = this.item.firstElementChild;
    this.button.onclick = open;
    this.button.dataset.attack = name;
    [this.after, this.change] = [...this.item.querySelectorAll("canvas")].map((canvas) => new Picture(canvas));
  }

  /** Paint the plates anew next time: the theme has changed. */
  forget() {
    this.painted = null;
  }

  /** ranked: the number that the cards stand in the order of; tones: a change's colours. */
  draw(told, data, ranked, tones) {
    const find = (query) => this.item.querySelector(query);
    find("header b").textContent = told.title;
    const badge = find(".badge");
    badge.className = `badge ${told.kind ?? ""}`;
    badge.textContent = told.kind ? BADGES[told.kind] : told.running ? WORKING : "Waiting";
    this.button.classList.toggle("to-come", !told.kind);
    find(".note").textContent = told.fault ?? told.note ?? "";
    if (!told.probabilities) {
      const original = bytes(data.original);
      if (!this.painted) this.after.paintDigit((at) => original[at]);
      return;
    }
    const now = told.reads;
    setChip(find(".chip"), now, data.label);
    find(".reads span:last-child").textContent = percent(told.probabilities[now]);
    const rows = [["L∞", told.linf.toFixed(3), "linf"], ["L2", told.l2.toFixed(2), "l2"], ["L1", told.l1.toFixed(1), "l1"], ["Pixels", told.touched, "touched"],
      ["Gradients", grouped(told.gradients), "gradients"], ["Queries", grouped(told.queries), "queries"], ["Time", `${told.ms < 10 ? told.ms.toFixed(1) : grouped(Math.round(told.ms))}${NBSP}ms`, "ms"]];
    find("dl").innerHTML = rows.map(([word, value, key]) => `<div><dt>${word}</dt><dd class="${key === ranked ? "ranked" : ""}">${value}</dd></div>`).join("");
    this.button.setAttribute("aria-label", `${told.title}: ${BADGES[told.kind]}, read as ${now} with ${percent(told.probabilities[now])}, L2 ${told.l2.toFixed(2)}. Open on the Attack page.`);
    if (this.painted !== told.change) this.paint(told, data, tones);
    this.painted = told.change;
  }

  paint(told, data, tones) {
    const original = bytes(data.original);
    const shares = signed(told.change);
    const gain = told.scale / 127;
    this.after.paintDigit((at) => original[at] + 255 * shares[at] * gain);
    this.change.paintChange((at) => shares[at] / 127, tones);
    this.after.canvas.setAttribute("aria-label", "The attacked digit");
    this.change.canvas.setAttribute("aria-label", `The change, largest ${told.scale.toFixed(3)}`);
  }
}
