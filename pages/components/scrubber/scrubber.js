// The whole sweep lies here as bytes: dragging reads it and draws, and the server hears of it on release only.
const NBSP = "\u00a0";
const PIXELS = 784;
const PLAY_MS = 6000;
const instances = new WeakMap();

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const percent = (p) =>
  p > 0.999 ? `> 99.9${NBSP}%` : p < 0.001 ? `< 0.1${NBSP}%` : `${(100 * p).toFixed(1)}${NBSP}%`;
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
const setClass = (node, name) => {
  if (node.className !== name) node.className = name;
};

function decode(sweep) {
  const floats = (text) => new Float32Array(bytes(text).buffer);
  return {
    ...sweep,
    original: bytes(sweep.original),
    change: new Int8Array(bytes(sweep.change).buffer),
    probabilities: floats(sweep.probabilities),
    before: floats(sweep.before),
  };
}

class Lab {
  constructor(root) {
    this.root = root;
    const one = (selector) => root.querySelector(selector);
    this.lab = one(".lab");
    this.verdict = one(".verdict");
    this.badge = one(".badge");
    this.sentence = one(".sentence");
    this.dock = one(".dock");
    this.curve = one(".curve");
    this.rail = one(".rail");
    this.thumb = one(".thumb");
    this.tip = one(".tip");
    this.doneBar = one(".done");
    this.live = one(".hidden");
    this.pathButton = one(".path");
    this.plates = {};
    for (const name of ["before", "change", "after"]) {
      const plate = one(`.plate.${name}`);
      const canvas = plate.querySelector("canvas");
      const context = canvas.getContext("2d");
      this.plates[name] = {
        canvas, context, image: context.createImageData(28, 28), note: plate.querySelector(".note"),
        chip: plate.querySelector(".chip"), reads: plate.querySelector(".reading b"), sure: plate.querySelector(".sure"),
      };
    }
    this.bars = [...Array(10).keys()].map((digit) => {
      const row = document.createElement("li");
      row.innerHTML = `<span class="chip">${digit}</span><span class="well"><i class="was"></i><i class="now"></i></span><span class="share"></span>`;
      one(".bars ol").append(row);
      return { row, chip: row.children[0], was: row.querySelector(".was"), now: row.querySelector(".now"), share: row.children[2] };
    });
    this.numbers = Object.fromEntries(
      ["amplified", "low", "high", "linf", "l2", "touched", "gradients", "forwards"].map((name) => [name, one(`.${name}`)]),
    );
    this.row = 0;
    this.frame = 0;
    this.dragging = false;
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.listen(one);
    this.watcher = new ResizeObserver(() => this.layout());
    this.watcher.observe(this.dock);
  }

  listen(one) {
    const start = (event) => {
      if (event.button) return;
      this.halt();
      this.dragging = true;
      this.dock.setPointerCapture(event.pointerId);
      this.follow(event);
      this.thumb.focus({ preventScroll: true });
      event.preventDefault();
    };
    this.curve.onpointerdown = start;
    this.rail.onpointerdown = start;
    this.dock.onpointermove = (event) => this.dragging && this.follow(event);
    this.dock.onpointerup = this.dock.onpointercancel = () => {
      if (!this.dragging) return;
      this.dragging = false;
      this.release();
    };
    this.thumb.onkeydown = (event) => this.key(event);
    one(".play").onclick = () => (this.playing ? this.halt(true) : this.play());
    this.pathButton.onclick = () => this.askPath();
    one(".copy").onclick = () => this.copy(one(".copy .word"));
    one(".save").onclick = () => this.savePicture();
    one(".json").onclick = () => this.saveNumbers();
    one(".code").onclick = () => this.setTriggerValue("code", this.eps());
  }

  // ------------------------------------------------------------------------------------------------ what Python sent
  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    const fresh = data.key !== this.data?.key;
    this.data = data;
    this.readTheme();
    if (fresh) {
      this.halt();
      this.sweep = decode(data.sweep);
      this.film = null;
      this.row = this.nearest(data.eps);
      for (const bar of this.bars) bar.shown = null;
      this.layout();
      this.drawOriginal();
    } else if (data.sweep.epsilons.length !== this.sweep.epsilons.length || data.sweep.stamp !== this.sweep.stamp) {
      const here = this.eps();
      this.sweep = decode(data.sweep);
      this.row = this.nearest(this.dragging || this.playing ? here : this.wanted ?? here);
      this.layout();
    }
    if (data.film && data.film.id !== this.filmSeen) {
      this.filmSeen = data.film.id;
      this.playFilm(data.film);
    }
    if (!data.whole && this.askedFor !== data.key) setTriggerValue("whole", data.key);
    this.askedFor = data.whole ? null : data.key;
    this.wanted = undefined;
    this.lab.classList.remove("working");
    this.pathButton.hidden = !data.steps;
    this.draw();
  }

  readTheme() {
    const style = getComputedStyle(this.root.host ?? this.root);
    const ground = style.getPropertyValue("--st-background-color").trim();
    const dark = ground.startsWith("#") && rgb(ground)[1] < 100;
    this.lab.classList.toggle("dark", dark);
    const own = getComputedStyle(this.lab);
    this.palette = ["--darker", "--middle", "--lighter"].map((name) => rgb(own.getPropertyValue(name).trim()));
    if (this.dark !== dark) {
      this.dark = dark;
      this.drawn = null;
    }
  }

  eps() {
    return this.sweep.epsilons[this.row];
  }

  nearest(eps) {
    let best = 0;
    this.sweep.epsilons.forEach((value, at) => {
      if (Math.abs(value - eps) < Math.abs(this.sweep.epsilons[best] - eps)) best = at;
    });
    return best;
  }

  say(eps) {
    return eps.toFixed(this.data.decimals);
  }

  // ------------------------------------------------------------------------------------------------------ the pictures
  paint(plate, put) {
    const out = plate.image.data;
    for (let at = 0; at < PIXELS; at++) {
      put(out, 4 * at, at);
      out[4 * at + 3] = 255;
    }
    plate.context.putImageData(plate.image, 0, 0);
  }

  drawOriginal() {
    const { original } = this.sweep;
    this.paint(this.plates.before, (out, to, at) => (out[to] = out[to + 1] = out[to + 2] = original[at]));
    const read = this.readOf(this.sweep.before, 0);
    const plate = this.plates.before;
    setText(plate.note, this.data.digit);
    plate.canvas.setAttribute("aria-label", `The original digit, a ${this.data.label}`);
    this.reading(plate, read, this.sweep.before[read]);
  }

  reading(plate, read, share) {
    setClass(plate.chip, read === this.data.label ? "chip true" : "chip wrong");
    setText(plate.chip, String(read));
    setText(plate.reads, `reads ${read}`);
    setText(plate.sure, percent(share));
  }

  readOf(shares, from) {
    let best = 0;
    for (let digit = 1; digit < 10; digit++) if (shares[from + digit] > shares[from + best]) best = digit;
    return best;
  }

  draw() {
    const { sweep, data, row } = this;
    if (!sweep) return;
    if (this.drawn !== `${data.key}|${sweep.stamp}|${row}`) {
      this.drawn = `${data.key}|${sweep.stamp}|${row}`;
      this.drawRow(sweep.change.subarray(row * PIXELS, (row + 1) * PIXELS), sweep.scales[row], sweep.probabilities, row * 10);
      const { numbers } = this;
      setText(numbers.linf, sweep.linf[row].toFixed(3));
      setText(numbers.l2, sweep.l2[row].toFixed(2));
      numbers.touched.innerHTML = `${sweep.touched[row]} <small>of 784</small>`;
      setText(numbers.gradients, sweep.gradients[row].toLocaleString("en"));
      setText(numbers.forwards, sweep.forwards[row].toLocaleString("en"));
      setText(this.plates.after.note, `ε = ${this.say(this.eps())}`);
      this.speak(row);
    }
    this.place();
  }

  drawRow(change, scale, shares, from) {
    const { original } = this.sweep;
    const [darker, middle, lighter] = this.palette;
    // The map's full colour is eps in L-infinity; in the other norms, the largest change of any pixel.
    const full = (this.data.norm === "linf" && this.eps()) || scale || 1;
    const gain = scale / 127;
    this.paint(this.plates.change, (out, to, at) => {
      const share = Math.max(-1, Math.min(1, (change[at] * gain) / full));
      const side = share < 0 ? darker : lighter;
      const weight = Math.abs(share);
      for (let k = 0; k < 3; k++) out[to + k] = middle[k] + (side[k] - middle[k]) * weight;
    });
    this.paint(this.plates.after, (out, to, at) => {
      out[to] = out[to + 1] = out[to + 2] = Math.max(0, Math.min(255, Math.round(original[at] + 255 * change[at] * gain)));
    });
    const shown = full >= 0.0005 && scale > 0 ? full : 0;
    setText(this.numbers.amplified, shown ? `${this.narrow ? "" : "amplified "}${(1 / shown).toFixed(1)}${NBSP}×` : "");
    setText(this.numbers.low, shown ? `−${shown.toFixed(3)} darker` : "darker");
    setText(this.numbers.high, shown ? `lighter +${shown.toFixed(3)}` : "lighter");
    const read = this.readOf(shares, from);
    this.reading(this.plates.after, read, shares[from + read]);
    this.plates.change.canvas.setAttribute("aria-label", `The change, largest ${scale.toFixed(3)}`);
    this.plates.after.canvas.setAttribute("aria-label", `The attacked digit, read as ${read}`);
    this.drawBars(shares, from, read);
  }

  drawBars(shares, from, read) {
    const { before } = this.sweep;
    const { label } = this.data;
    this.bars.forEach((bar, digit) => {
      const kind = digit === label ? "true" : digit === read ? "wrong" : "";
      setClass(bar.row, kind);
      setClass(bar.chip, `chip ${kind}`);
      const was = before[digit];
      if (bar.shown !== was) {
        bar.was.style.width = `${100 * was}%`;
        bar.was.style.visibility = was < 0.004 ? "hidden" : "visible";
        bar.shown = was;
      }
      bar.now.style.transform = `scaleX(${shares[from + digit].toFixed(4)})`;
      setText(bar.share, percent(shares[from + digit]));
      setClass(bar.share, kind || shares[from + digit] >= 0.01 ? "share big" : "share");
    });
  }

  // --------------------------------------------------------------------------------------------------------- the words
  verdictOf(row) {
    const { sweep, data } = this;
    const read = this.readOf(sweep.probabilities, row * 10);
    const share = percent(sweep.probabilities[row * 10 + read]);
    const clean = this.readOf(sweep.before, 0);
    const eps = this.say(sweep.epsilons[row]);
    const limit = {
      linf: `No pixel changed by more than ${eps}; black to white is 1.`,
      l2: `The change is at most ${eps} in L2; one pixel, black to white, is 1.`,
      l1: `All pixels together changed by at most ${eps}; one, black to white, is 1.`,
    }[data.norm];
    const what = (head, tail = "") => ({ read, head, tail });
    if (clean !== data.label) {
      const now = read === clean ? "" : `, and now ${read}`;
      return { ...what("The network reads", "before any attack"), read: clean, kind: "wrong", badge: "Already wrong",
        text: `It is a ${data.label}: the network read it wrong on its own${now}. No success is counted.` };
    }
    if (row === 0)
      return { ...what("The network reads", `with ${share} confidence`), kind: "start", badge: "Not attacked yet",
        text: `Drag ε to attack, and watch the ${data.label} as the network sees it.` };
    if (sweep.success[row])
      return { ...what("The network now reads", `with ${share} confidence`), kind: "fooled", badge: "Fooled",
        text: `It is still a ${data.label}. `, limit };
    if (read !== data.label)
      return { ...what("The network now reads", `with ${share} confidence`), kind: "off", badge: "Off target",
        text: `Wrong, but not the ${data.target} that the attack was aimed at. `, limit };
    return { ...what("The network still reads", `with ${share} confidence`), kind: "held", badge: "Held", text: "", limit };
  }

  speak(row) {
    const said = this.verdictOf(row);
    const known = `${said.head}|${said.read}|${said.tail}`;
    if (this.headline !== known) {
      this.headline = known;
      const chip = document.createElement("span");
      chip.className = said.read === this.data.label ? "chip true" : "chip wrong";
      chip.textContent = said.read;
      this.verdict.replaceChildren(`${said.head} `, chip, ` ${said.tail}`);
    }
    setClass(this.badge, `badge ${said.kind}`);
    setText(this.badge.querySelector("b"), said.badge);
    setText(this.sentence.firstElementChild, said.text);
    setText(this.sentence.lastElementChild, said.limit ?? "");
    this.spoken = `${said.badge}. ${said.head} ${said.read} ${said.tail}. ${said.text}${said.limit ?? ""}`;
  }

  // --------------------------------------------------------------------------------------------------------- the curve
  layout() {
    if (!this.sweep) return;
    const box = this.curve.getBoundingClientRect();
    const track = this.rail.getBoundingClientRect();
    if (!box.width || !track.width) return;
    this.span = { left: track.left - box.left, width: track.width, height: box.height };
    this.drawCurve();
    const ticks = this.root.querySelector(".ticks");
    this.narrow = box.width < 560;
    const { narrow } = this;
    const count = narrow ? 3 : 6;
    ticks.replaceChildren(
      ...[...Array(count + 1).keys()].map((at) => {
        const mark = document.createElement("span");
        const value = (this.data.max * at) / count;
        mark.textContent = at ? value.toFixed(this.data.decimals - 1) : narrow ? "0" : "ε = 0";
        mark.style.left = `${(100 * at) / count}%`;
        return mark;
      }),
    );
    this.place();
  }

  x(eps) {
    return this.span.left + (this.span.width * eps) / this.data.max;
  }

  drawCurve() {
    const { sweep, data } = this;
    const { height, left, width } = this.span;
    const small = height < 100;
    const top = small ? 30 : 44;
    const bottom = height - (small ? 2 : 4);
    const y = (p) => bottom - (bottom - top) * p;
    const rivals = sweep.epsilons.map((_, row) => this.readOf(sweep.probabilities, row * 10)).filter((read) => read !== data.label);
    const rival = data.target ?? (rivals.length ? rivals[rivals.length - 1] : this.second());
    this.lines = { own: data.label, rival, y };
    this.curve.classList.toggle("waiting", !data.whole);
    if (!data.whole && this.marker) return; // a few rows make no curve: the old one stands back until the whole is here
    const trace = (digit) =>
      sweep.epsilons.map((eps, row) => `${row ? "L" : "M"}${this.x(eps).toFixed(1)} ${y(sweep.probabilities[row * 10 + digit]).toFixed(1)}`).join("");
    const color = (name) => `var(--st-${name})`;
    const first = sweep.success.findIndex(Boolean);
    const cut = first < 0 ? left + width : this.x(sweep.epsilons[first]);
    const lost = this.readOf(sweep.before, 0) !== data.label;
    const start = lost ? "gray" : "blue";
    const parts = [`<rect x="${left}" y="0" width="${Math.max(cut - left, 0)}" height="${bottom}" fill="${color(`${start}-background-color`)}"/>`];
    if (first >= 0)
      parts.push(`<rect x="${cut}" y="0" width="${left + width - cut}" height="${bottom}" fill="${color("orange-background-color")}"/>`,
        `<path d="M${cut} 0V${bottom}" stroke="currentColor" stroke-width="2"/>`);
    if (!small)
      for (const [share, text] of [[1, "100 %"], [0.5, "50"], [0, "0"]])
        parts.push(`<text x="${left - 10}" y="${y(share) + 5}" text-anchor="end">${text.replace(" ", NBSP)}</text>`);
    parts.push(
      `<path d="${trace(rival)}" fill="none" stroke="${color("orange-color")}" stroke-width="3.2" stroke-linejoin="round"/>`,
      `<path d="${trace(data.label)}" fill="none" stroke="${color("blue-color")}" stroke-width="3.2" stroke-linejoin="round"/>`);
    const end = this.say(sweep.epsilons[sweep.epsilons.length - 1]);
    const fooledAt = first < 0 ? "" : `${data.target == null ? `reads ${this.readOf(sweep.probabilities, first * 10)}: fooled` : `reads ${data.target}`} from ε = ${this.say(sweep.epsilons[first])}`;
    const holds = lost ? "already wrong before any attack" : first < 0 ? `${data.target == null ? "not fooled" : `never reads ${data.target}`} up to ε = ${end}` : `reads ${data.label}`;
    const room = (text, wide) => text.length * (small ? 7.6 : 8.9) < wide - 16;
    const line = small ? 19 : 25;
    if (first < 0 || room(holds, cut - left)) parts.push(`<text class="name ${lost ? "" : "blue"}" x="${left + 12}" y="${line}">${holds}</text>`);
    if (first >= 0) {
      const fits = room(fooledAt, left + width - cut);
      parts.push(`<text class="name orange" x="${fits ? cut + 12 : left + width - 8}" text-anchor="${fits ? "start" : "end"}" y="${line}">${fooledAt}</text>`);
    }
    if (!small) {
      const last = (sweep.epsilons.length - 1) * 10;
      const tag = (digit, name) => {
        const share = sweep.probabilities[last + digit];
        const at = y(share) + (share > 0.5 ? 24 : -9);
        return `<text class="${name}" x="${left + width - 12}" y="${at}" text-anchor="end">confidence in ${digit}</text>`;
      };
      const apart = Math.abs(sweep.probabilities[last + rival] - sweep.probabilities[last + data.label]) > 0.35;
      parts.push(tag(data.label, "blue"), apart ? tag(rival, "orange") : "");
    }
    parts.push(`<path class="now" d="M0 ${top - 8}V${height + 8}" stroke="currentColor" stroke-width="2.4"/>`,
      ...["orange", "blue"].map((name) => `<circle class="dot" r="7" fill="${color(`${name}-color`)}" stroke="${color("background-color")}" stroke-width="2.5"/>`));
    this.curve.setAttribute("viewBox", `0 0 ${left + width + (this.curve.clientWidth - left - width)} ${height}`);
    this.curve.innerHTML = parts.join("");
    this.curve.setAttribute("aria-label", `Confidence against ε. ${holds}${fooledAt ? `; ${fooledAt}` : ""}.`);
    this.marker = this.curve.querySelector(".now");
    this.dots = [...this.curve.querySelectorAll(".dot")];
  }

  second() {
    const { probabilities } = this.sweep;
    const from = probabilities.length - 10;
    let best = this.data.label === 0 ? 1 : 0;
    for (let digit = 0; digit < 10; digit++)
      if (digit !== this.data.label && probabilities[from + digit] > probabilities[from + best]) best = digit;
    return best;
  }

  place() {
    if (!this.span || !this.marker) return;
    const at = (this.span.width * this.eps()) / this.data.max;
    const x = this.span.left + at;
    this.marker.setAttribute("transform", `translate(${x})`);
    const shares = [this.lines.rival, this.lines.own];
    this.dots.forEach((dot, k) => {
      dot.setAttribute("transform", `translate(${x} ${this.lines.y(this.sweep.probabilities[this.row * 10 + shares[k]])})`);
    });
    this.thumb.style.transform = `translateX(${at}px)`;
    this.doneBar.style.transform = `scaleX(${at / this.span.width})`;
    setText(this.tip, `ε = ${this.say(this.eps())}`);
    this.tip.style.transform = at > this.span.width - 150 ? `translateX(calc(${at - 24}px - 100%))` : `translateX(${at + 24}px)`;
    this.thumb.setAttribute("aria-valuemin", "0");
    this.thumb.setAttribute("aria-valuemax", String(this.data.max));
    this.thumb.setAttribute("aria-valuenow", this.say(this.eps()));
    this.thumb.setAttribute("aria-valuetext", `ε ${this.say(this.eps())}: ${this.badge.querySelector("b").textContent}`);
  }

  // ---------------------------------------------------------------------------------------------------------- the hand
  follow(event) {
    const track = this.rail.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - track.left) / track.width));
    this.go(this.nearest(share * this.data.max));
  }

  go(row) {
    if (row === this.row && !this.film) return;
    this.film = null;
    this.row = row;
    if (!this.frame)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
  }

  release(eps = this.eps()) {
    this.live.textContent = this.spoken;
    this.wanted = eps;
    this.setStateValue("eps", +eps.toFixed(6));
  }

  key(event) {
    const { step, max } = this.data;
    const here = this.wanted ?? this.eps();
    const to = { ArrowLeft: here - step, ArrowDown: here - step, ArrowRight: here + step, ArrowUp: here + step,
      PageDown: here - 10 * step, PageUp: here + 10 * step, Home: 0, End: max }[event.key];
    if (event.key === " ") this.playing ? this.halt(true) : this.play();
    else if (to === undefined) return;
    else {
      this.halt();
      const eps = Math.max(0, Math.min(max, Math.round(to / step) * step));
      const row = this.nearest(eps);
      this.wanted = eps;
      if (Math.abs(this.sweep.epsilons[row] - eps) < step / 100) this.go(row);
      else this.lab.classList.add("working"); // an epsilon between two of the sweep: Python works out that one
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.release(eps), 120);
    }
    event.preventDefault();
  }

  play() {
    this.playing = true;
    this.lab.classList.add("playing");
    const from = this.eps() >= this.data.max ? 0 : this.eps();
    const began = performance.now() - (PLAY_MS * from) / this.data.max;
    const last = this.sweep.epsilons.length - 1;
    const turn = (now) => {
      if (!this.playing) return;
      let share = Math.min(1, (now - began) / PLAY_MS);
      if (this.still.matches) share = Math.floor(share * 12) / 12;
      this.row = this.nearest(share * this.data.max);
      this.draw();
      if (this.row >= last) this.halt(true);
      else requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  halt(tell = false) {
    const was = this.playing || this.film;
    this.playing = false;
    this.film = null;
    this.lab.classList.remove("playing");
    if (was) {
      this.drawn = null;
      if (tell) this.release();
    }
  }

  // ---------------------------------------------------------------------------------------- the attack's own iterates
  askPath() {
    this.halt();
    this.lab.classList.add("working");
    this.setTriggerValue("path", this.eps());
  }

  playFilm(film) {
    const change = new Int8Array(bytes(film.change).buffer);
    const shares = new Float32Array(bytes(film.probabilities).buffer);
    const count = film.scales.length;
    this.row = this.nearest(film.eps);
    this.draw();
    this.film = film;
    const began = performance.now();
    const each = Math.max(60, Math.min(400, 4000 / count));
    const turn = (now) => {
      if (this.film !== film) return;
      const step = Math.max(0, Math.min(count - 1, Math.floor((now - began) / each)));  // a frame may predate its request
      this.drawRow(change.subarray(step * PIXELS, (step + 1) * PIXELS), film.scales[step], shares, step * 10);
      setText(this.plates.after.note, `step ${step} of ${count - 1}`);
      if (step < count - 1) requestAnimationFrame(turn);
      else setTimeout(() => this.film === film && (this.halt(), this.draw()), 900);
    };
    requestAnimationFrame(turn);
  }

  // ------------------------------------------------------------------------------------------------------ take it away
  link() {
    const url = new URL(window.location.href);
    url.search = this.data.link;
    url.searchParams.set("eps", this.say(this.eps()));
    return url.href;
  }

  async copy(word) {
    try {
      await navigator.clipboard.writeText(this.link());
      word.textContent = "Link copied";
    } catch {
      window.prompt("Copy this link:", this.link());
    }
    setTimeout(() => (word.textContent = "Copy link"), 1600);
  }

  give(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  name(ending) {
    return `epsilon-lab-${this.data.file}-eps-${this.say(this.eps())}.${ending}`;
  }

  savePicture() {
    const side = 280;
    const gap = 40;
    const canvas = document.createElement("canvas");
    canvas.width = 3 * side + 2 * gap + 48;
    canvas.height = side + 132;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(this.lab);
    const ink = style.color;
    context.fillStyle = style.getPropertyValue("--st-background-color");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    ["before", "change", "after"].forEach((name, at) => {
      context.drawImage(this.plates[name].canvas, 24 + at * (side + gap), 64, side, side);
    });
    context.fillStyle = ink;
    context.font = `700 24px ${style.fontFamily}`;
    context.fillText(this.verdict.textContent, 24, 42);
    context.font = `16px ${style.fontFamily}`;
    const { before, change, after } = this.plates;
    const captions = [`${before.reads.textContent}, ${before.sure.textContent}`, `change, ${this.numbers.amplified.textContent || "none"}`,
      `${after.reads.textContent}, ${after.sure.textContent}`];
    captions.forEach((text, at) => context.fillText(text, 24 + at * (side + gap), side + 88));
    context.fillText(`${this.data.caption}, ε = ${this.say(this.eps())}`, 24, side + 116);
    canvas.toBlob((blob) => this.give(blob, this.name("png")), "image/png");
  }

  saveNumbers() {
    const { sweep, data, row } = this;
    const gain = sweep.scales[row] / 127;
    const told = {
      link: this.link(), setting: data.setting, label: data.label, target: data.target, norm: data.norm, eps: this.eps(),
      success: sweep.success[row], linf: sweep.linf[row], l2: sweep.l2[row], pixels_touched: sweep.touched[row],
      gradients: sweep.gradients[row], forwards: sweep.forwards[row],
      probabilities_before: [...sweep.before], probabilities_after: [...sweep.probabilities.subarray(row * 10, row * 10 + 10)],
      original: [...sweep.original].map((v) => +(v / 255).toFixed(6)),
      // The page holds the change as whole multiples of a step; Show the code gives every digit of it.
      change_rounded_to: gain,
      change: [...sweep.change.subarray(row * PIXELS, (row + 1) * PIXELS)].map((v) => +(v * gain).toPrecision(6)),
      curve: sweep.epsilons.map((eps, at) => ({ eps, success: sweep.success[at], probabilities: [...sweep.probabilities.subarray(at * 10, at * 10 + 10)] })),
    };
    this.give(new Blob([JSON.stringify(told, null, 1)], { type: "application/json" }), this.name("json"));
  }
}

export default function (component) {
  const { parentElement } = component;
  let lab = instances.get(parentElement);
  if (!lab) {
    lab = new Lab(parentElement);
    instances.set(parentElement, lab);
  }
  lab.update(component);
  return () => {
    lab.halt();
    lab.watcher.disconnect();
    instances.delete(parentElement);
  };
}
