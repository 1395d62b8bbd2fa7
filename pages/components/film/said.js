// The verdict on one frame of a film, in words.
import { read } from "../shared/sweep.js";
import { grouped } from "../shared/words.js";

const UNITS = { queries: ["query", "queries"], gradients: ["gradient", "gradients"], passes: ["pass through the network", "passes through the network"],
  steps: ["step of its own", "steps of its own"], progress: ["part", "parts"] };
export const unitOf = (unit, count) => UNITS[unit][count === 1 ? 0 : 1];
export const spentBy = (unit, count) => `${grouped(count)}\u00a0${unitOf(unit, count)}`;

/** How the sentence begins: what had been spent by then. */
function lead(reel, frame) {
  if (reel.unit === "progress") return "So far the network";
  if (reel.unit === "steps") return "Without one query the network";
  if (frame === 0) return reel.scales[0] > 0 ? "Where it starts, the network" : `Before the first ${unitOf(reel.unit, 1)} the network`;
  return `After ${spentBy(reel.unit, reel.at[frame])} the network`;
}

/** {head, read, tail, kind, text} of a frame. data: what Python said of the attack; sized: a size in a norm, in words. */
export function told(reel, data, frame, sized) {
  const now = read(reel.shares(frame));
  const { label, target } = data;
  const clean = read(reel.before);
  if (clean !== label)
    return { head: "The network reads", read: clean, tail: "before any attack", kind: "wrong",
      text: `It is a ${label}: the network read it wrong on its own. No success is counted.` };
  const begin = lead(reel, frame);
  const size = sized(reel.measure, reel.size[frame]);
  const most = data.eps.toFixed(data.decimals);
  const reads = { head: `${begin} reads`, read: now, tail: "" };
  if (reel.won[frame]) {
    return { ...reads, kind: "fooled", text: `It is still a ${label}. The change: ${size}; ε allows ${data.eps.toFixed(data.decimals)}.` };
  }
  if (target == null ? now !== label : now === target)
    return { ...reads, kind: "beyond", text: `Read as wanted, but the change, ${size}, is larger than ε = ${most}. It goes on to make it smaller.` };
  if (now !== label) return { ...reads, kind: "off", text: `Wrong, but not the ${target} that the attack is aimed at.` };
  const held = { ...reads, head: frame === 0 ? reads.head : `${begin} still reads` };
  if (frame === 0 && !reel.scales[0]) return { ...held, kind: "start", text: "Play the film, or drag along it, and watch what the attack tries." };
  if (frame < reel.final) return { ...held, kind: "held", text: `The change so far: ${size}.` };
  return { ...held, kind: "held", text: reel.scales[frame] ? `${data.attack} has spent what it had. The change: ${size}.` : `${data.attack} found no change within ε = ${most}.` };
}
