// One attack's card: the digit it made, the change, what it is read as, what it took.
const NBSP = "\u00a0";
const KINDS = { fooled: "Fooled", held: "Held", wrong: "Already wrong", off: "Off target", beyond: "Beyond ε", fault: "Not run" };

export const percent = (p) =>
  p > 0.999 ? `> 99.9${NBSP}%` : p < 0.001 ? `< 0.1${NBSP}%` : `${(100 * p).toFixed(1)}${NBSP}%`;
export const fullName = (card) => card.title;

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const colour = (text) => [1, 3, 5].map((at) => parseInt(text.trim().slice(at, at + 2), 16));
const count = (value) => value.toLocaleString("en").replace(/,/g, "\u202f");

export class Card {
  constructor(name, open) {
    this.item = document.createElement("li");
    this.item.innerHTML = `<button type="button" class="card"><header><b></b><span class="badge"></span></header>
      <canvas width="28" height="28" role="img"></canvas><canvas width="28" height="28" role="img"></canvas>
      <span class="reads"><span class="chip"></span><span></span></span><dl></dl><p class="note"></p></button>`;
    this.button = this.item.firstElementChild;
    this.button.onclick = open;
    this.button.dataset.attack = name;
    [this.after, this.change] = this.item.querySelectorAll("canvas");
  }

  /** Paint the plates anew next time: the theme has changed. */
  forget() {
    this.painted = null;
  }

  draw(told, data, ranked, node) {
    const find = (query) => this.item.querySelector(query);
    find("header b").textContent = told.title;
    const badge = find(".badge");
    badge.className = `badge ${told.kind ?? ""}`;
    badge.textContent = told.kind ? KINDS[told.kind] : told.running ? "Attacking…" : "Waiting";
    this.button.classList.toggle("to-come", !told.kind);
    find(".note").textContent = told.fault ?? told.note ?? "";
    if (!told.probabilities) {
      if (!this.painted) this.fill(this.after, this.greys(bytes(data.original)));
      return;
    }
    const chip = find(".chip");
    const now = told.reads;
    chip.textContent = now;
    chip.className = `chip ${now === data.label ? "true" : "wrong"}`;
    find(".reads span:last-child").textContent = percent(told.probabilities[now]);
    const rows = [["L∞", told.linf.toFixed(3), "linf"], ["L2", told.l2.toFixed(2), "l2"], ["L1", told.l1.toFixed(1), "l1"], ["Pixels", told.touched, "touched"],
      ["Gradients", count(told.gradients), "gradients"], ["Queries", count(told.queries), "queries"], ["Time", `${told.ms < 10 ? told.ms.toFixed(1) : count(Math.round(told.ms))}${NBSP}ms`, "ms"]];
    find("dl").innerHTML = rows.map(([word, value, key]) => `<div><dt>${word}</dt><dd class="${key === ranked ? "ranked" : ""}">${value}</dd></div>`).join("");
    this.button.setAttribute("aria-label", `${told.title}: ${KINDS[told.kind]}, read as ${now} with ${percent(told.probabilities[now])}, L2 ${told.l2.toFixed(2)}. Open on the Attack page.`);
    if (this.painted !== told.change) this.paint(told, data, node);
    this.painted = told.change;
  }

  paint(told, data, node) {
    const original = bytes(data.original);
    const shares = new Int8Array(bytes(told.change).buffer);
    const style = getComputedStyle(node);
    const [darker, middle, lighter] = ["--darker", "--middle", "--lighter"].map((name) => colour(style.getPropertyValue(name)));
    const gain = told.scale / 127;
    this.fill(this.after, this.greys(original.map((level, at) => Math.max(0, Math.min(255, Math.round(level + 255 * shares[at] * gain))))));
    this.fill(this.change, (at) => {
      const share = shares[at] / 127;
      const side = share < 0 ? darker : lighter;
      return middle.map((value, k) => value + (side[k] - value) * Math.abs(share));
    });
    this.after.setAttribute("aria-label", "The attacked digit");
    this.change.setAttribute("aria-label", `The change, largest ${told.scale.toFixed(3)}`);
  }

  greys(levels) {
    return (at) => [levels[at], levels[at], levels[at]];
  }

  fill(canvas, pixel) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(28, 28);
    for (let at = 0; at < 784; at++) image.data.set([...pixel(at), 255], 4 * at);
    context.putImageData(image, 0, 0);
  }
}
