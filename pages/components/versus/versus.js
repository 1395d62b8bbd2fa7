// Two networks digit by digit: who holds which digit at the ε that the scoreboard's hand is at.
import { bytes, PIXELS } from "../shared/bytes.js";
import { darkened } from "../shared/colours.js";
import { hear } from "../shared/here.js";
import { mounted } from "../shared/mount.js";
import { Picture } from "../shared/picture.js";
import { NBSP, setText } from "../shared/words.js";

const MOST = 12; // pictures of a group

const made = (name, kind, text = "") => Object.assign(document.createElement(name), { className: kind, textContent: text });

class Versus {
  constructor(root) {
    for (const name of ["versus", "sentence", "four"]) this[name] = root.querySelector(`.${name}`);
    this.end = hear((here) => {
      this.here = here;
      this.draw();
    });
  }

  leave() {
    this.end();
  }

  update({ data, setTriggerValue }) {
    if (data.key !== this.data?.key) this.grey = bytes(data.x);
    Object.assign(this, { data, ask: setTriggerValue });
    darkened(this.versus);
    this.drawn = null;
    this.draw();
  }

  draw() {
    const { data, here } = this;
    if (!data) return;
    const far = (eps) => Math.abs(eps - (here?.norm === data.norm ? here.eps : data.epsilons[0]));
    const place = data.epsilons.reduce((best, eps, at) => (far(eps) < far(data.epsilons[best]) ? at : best), 0);
    if (this.drawn === place) return;
    this.drawn = place;
    this.eps = data.epsilons[place];
    const [one, other] = data.titles;
    const groups = { both: [], one: [], other: [], none: [] };
    data.fell[0].forEach((at, digit) => {
      const holds = [at > place, data.fell[1][digit] > place];
      groups[holds[0] ? (holds[1] ? "both" : "one") : holds[1] ? "other" : "none"].push(digit);
    });
    const [more, less] = groups.one.length >= groups.other.length ? ["one", "other"] : ["other", "one"];
    const names = { one, other };
    const total = data.labels.length;
    const back = groups[less].length ? `loses ${groups[less].length} that ${names[less]} holds` : "none goes the other way";
    setText(this.sentence, `Under ${data.attack} within ε${NBSP}=${NBSP}${this.eps.toFixed(data.decimals)}, of ${total} digits: ${names[more]} holds ${groups[more].length} that ${names[less]} loses, and ${back}.`);
    this.four.replaceChildren(
      this.group("both", "both hold", groups.both, 0),
      this.group("split one", `only ${one} holds`, groups.one, 1),
      this.group("split other", `only ${other} holds`, groups.other, 0),
      this.group("none", "both lose", groups.none, 0),
    );
  }

  /** side: the network on which a press opens a digit: who loses it. */
  group(kind, words, digits, side) {
    const [group, head, some] = [made("section", kind), made("h4", ""), made("div", "some")];
    head.append(made("b", "", String(digits.length)), made("span", "", words));
    // Some of all classes: the digits come one of each class after the other.
    some.append(...digits.slice(0, MOST).map((digit) => this.button(digit, side)));
    if (!digits.length) some.append(made("p", "far", "none"));
    group.append(head, some);
    return group;
  }

  button(digit, side) {
    const { labels, titles } = this.data;
    const [button, canvas] = [made("button", ""), made("canvas", "")];
    Object.assign(canvas, { width: 28, height: 28 });
    new Picture(canvas).paintDigit((at) => this.grey[digit * PIXELS + at]);
    button.type = "button";
    button.setAttribute("aria-label", `A ${labels[digit]}: open it on ${titles[side]}`);
    button.append(canvas);
    button.onclick = () => this.ask("open", { digit, side, eps: this.eps });
    return button;
  }
}

export default mounted(Versus);
