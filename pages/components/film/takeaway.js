// What a visitor takes away from a film: the numbers of every frame, and the pictures of this one.
import { giveNumbers } from "../shared/give.js";

export function saveNumbers({ reel, data, frame }) {
  giveNumbers(data, { setting: data.setting, label: data.label, target: data.target, norm: data.norm, eps: data.eps, unit: reel.unit,
    first_fooled_at: reel.first == null ? null : reel.at[reel.first], measured_in: reel.measure,
    frames: reel.at.map((spent, at) => ({ spent, size: reel.size[at], fooled_within_eps: reel.won[at], linf: reel.linf[at], l2: reel.l2[at], pixels_touched: reel.touched[at],
      probabilities: [...reel.shares(at)] })),
    shown_frame: frame, ...reel.pictures(frame), attackers: data.rows });
}
