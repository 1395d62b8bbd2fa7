// Many digits attacked by one who does not know the detector and by one who does: who is fooled, and what is flagged.
import { floats } from "../shared/bytes.js";
import { NBSP, setText } from "../shared/words.js";
import { above } from "./scores.js";

/** An AUC is 1 only where every attacked digit scores above every clean one. */
const area = (auc) => (auc < 1 && auc > 0.999 ? `>${NBSP}0.999` : auc.toFixed(3));

const WHO = { naive: "naive attacker", knowing: "who knows it" };

export class Rows {
  constructor(root) {
    [this.list, this.note] = [root.querySelector(".rows"), root.querySelector(".note")];
  }

  update(trial, digits) {
    Object.assign(this, { trial, digits });
    this.scores = Object.fromEntries(Object.keys(WHO).filter((who) => trial[who]).map((who) => [who, floats(trial[who].scores)]));
  }

  /** Hold the scores to a threshold; usual: the one of 5 % false alarms. */
  draw(threshold, usual) {
    const { trial, digits, scores } = this;
    this.list.innerHTML = Object.keys(scores).map((who) => {
      const { fooled, auc } = trial[who];
      const flagged = above(scores[who], threshold);
      const small = !fooled ? "nothing to flag"
        : `AUC ${area(auc)}${threshold === usual ? "" : `; at 5${NBSP}% false alarms ${above(scores[who], usual)} flagged`}`;
      const bar = (kind, count) => `<i class="${kind}" style="width:${(100 * count) / digits}%"></i>`;
      return `<li><span>${WHO[who]}</span><b>${fooled} fooled, ${flagged} flagged</b>
        <span class="well">${bar("unseen", fooled - flagged)}${bar("seen", flagged)}</span><small>${small}</small></li>`;
    }).join("");
    setText(this.note, this.words());
  }

  words() {
    const { trial, digits, scores } = this;
    if (!scores.naive) return trial.stopped ? "Stopped before the first attack was over." : "";
    const of = `Of ${digits} digits at ε${NBSP}=${NBSP}${trial.of}; orange: fooled and not flagged.`;
    if (scores.knowing) return `${of} Who knows the detector aims below the alarm of 5${NBSP}%.`;
    return `${of} ${trial.lacks ?? (trial.stopped ? "Stopped before who knows the detector was done." : "")}`;
  }
}
