// What a visitor takes away: the link with this ε in it, and the numbers.
import { giveNumbers } from "../shared/give.js";

/** What Python sent, its link and its file's name about the ε where the visitor is. */
export function here({ data, say, eps }) {
  const picks = new URLSearchParams(data.link);
  picks.set("eps", say(eps));
  return { ...data, link: picks.toString(), file: `${data.file}-eps-${say(eps)}` };
}

export function saveNumbers(lab) {
  const { sweep, data, row } = lab;
  giveNumbers(here(lab), {
    setting: data.setting, label: data.label, target: data.target, norm: data.norm, eps: lab.eps,
    success: sweep.success[row], linf: sweep.linf[row], l2: sweep.l2[row], pixels_touched: sweep.touched[row],
    gradients: sweep.gradients[row], forwards: sweep.forwards[row], smallest_change_found: data.minimises ? sweep.found : undefined, size: sweep.size[row],
    probabilities_before: [...sweep.before], probabilities_after: [...sweep.shares(row)],
    ...sweep.pictures(row),
    curve: sweep.epsilons.map((eps, at) => ({ eps, success: sweep.success[at], probabilities: [...sweep.shares(at)] })),
  });
}
