// Pictures in a row, each with its title, and under it what the network reads or what is to be said of it.
import { bytes, signed } from "../shared/bytes.js";
import { Picture } from "../shared/picture.js";
import { BADGES, percent, setChip, setClass, setText } from "../shared/words.js";

export class Cards {
  constructor(list, tones) {
    Object.assign(this, { list, tones, made: [] });
    list.replaceChildren();
  }

  show(all) {
    while (this.made.length < all.length) this.made.push(this.make(all[this.made.length]));
    this.list.dataset.count = all.length;
    all.forEach((told, at) => this.fill(this.made[at], told));
  }

  make(told) {
    const item = document.createElement("li");
    item.innerHTML = `<b class="title"></b><div class="plate">${told.checks ? '<ul class="checks"></ul>' : '<canvas width="28" height="28" role="img"></canvas>'}</div>
      <div class="said"><span class="chip"></span><span class="sure"></span><span class="badge"></span></div>`;
    if (told.sign) item.dataset.sign = told.sign;
    this.list.append(item);
    const canvas = item.querySelector("canvas");
    return { item, picture: canvas && new Picture(canvas) };
  }

  fill({ item, picture }, told) {
    const one = (selector) => item.querySelector(selector);
    setText(one(".title"), told.title);
    if (told.checks) {
      one(".checks").replaceChildren(...told.checks.map(([held, text]) => Object.assign(document.createElement("li"), { textContent: text, className: held ? "yes" : "no" })));
    } else if (told.change || told.share) {
      const shares = told.change && signed(told.change);
      picture.paintChange(told.share ?? ((at) => shares[at] / 127), this.tones);
    } else {
      const grey = told.grey && bytes(told.grey);
      picture.paintDigit(told.level ?? ((at) => grey[at]));
    }
    const [chip, sure, badge] = [".chip", ".sure", ".badge"].map(one);
    chip.hidden = told.chip === undefined;
    if (!chip.hidden) setChip(chip, told.chip, told.label);
    setText(sure, told.chip === undefined ? told.note ?? "" : percent(told.sure));
    setClass(sure, `sure ${told.tone ?? ""}`);
    badge.hidden = !told.badge;
    setClass(badge, `badge ${told.badge ?? ""}`);
    setText(badge, told.badge ? BADGES[told.badge] : "");
    picture?.canvas.setAttribute("aria-label", `${told.title}: ${told.chip === undefined ? told.note ?? "" : `read as ${told.chip}, ${percent(told.sure)}`}`);
  }
}
