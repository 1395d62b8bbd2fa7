// The verdict on a row, in words.
import { read } from "../shared/sweep.js";
import { percent } from "../shared/words.js";

const LIMITS = {
  linf: (eps) => `No pixel changed by more than ${eps}; black to white is 1.`,
  l2: (eps) => `The change is at most ${eps} in L2; one pixel, black to white, is 1.`,
  l1: (eps) => `All pixels together changed by at most ${eps}; one, black to white, is 1.`,
  l0: (eps) => (eps === "1" ? "At most one pixel changed, as far as it could." : `At most ${eps} pixels changed, each as far as it could.`),
  warp: (eps) => `Turned and shifted by at most ${eps} of what the attack allows itself; every stroke is as it was.`,
};

/** How large the change is that an attack which looks for the smallest one has found. */
const found = (norm, size) =>
  norm === "l0" ? `The smallest change that it found takes ${size} of 784 pixels.` : `The smallest change that it found is ${size}.`;

/**
 * The verdict on a row: {read, head, tail, kind, text, limit}.
 *
 * data: what Python said of the attack; say: ε as the slider writes it.
 */
export function verdict(sweep, data, row, say) {
  const shares = sweep.shares(row);
  const now = read(shares);
  const clean = read(sweep.before);
  const eps = sweep.epsilons[row];
  const sure = `with ${percent(shares[now])} confidence`;
  const size = data.minimises ? sweep.found : null;
  const least = size == null ? "" : found(data.norm, say(size));
  const limit = size != null && eps >= size ? least : LIMITS[data.norm]?.(say(eps)) ?? "";
  if (clean !== data.label)
    return { read: clean, head: "The network reads", tail: "before any attack", kind: "wrong",
      text: `It is a ${data.label}: the network read it wrong on its own${now === clean ? "" : `, and now ${now}`}. No success is counted.` };
  if (eps === 0)
    return { read: now, head: "The network reads", tail: sure, kind: "start",
      text: `Drag ε to attack, and watch the ${data.label} as the network sees it.` };
  if (sweep.success[row])
    return { read: now, head: "The network now reads", tail: sure, kind: "fooled",
      text: `It is still a ${data.label}. `, limit };
  if (now !== data.label)
    return { read: now, head: "The network now reads", tail: sure, kind: "off",
      text: `Wrong, but not the ${data.target} that the attack was aimed at. `, limit };
  const held = { read: now, head: "The network still reads", tail: sure, kind: "held", text: "", limit };
  if (!data.minimises) return held;
  if (size == null) return { ...held, text: `It looked for the smallest change, and found none up to ${say(data.max)}.`, limit: "" };
  return { ...held, text: `Here stands the part of the way that fits into ${say(eps)}. `, limit: least };
}
