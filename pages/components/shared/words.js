// Numbers and outcomes as a reader wants them, and what writes them.
export const NBSP = "\u00a0";

export const percent = (p) =>
  p > 0.999 ? `> 99.9${NBSP}%` : p < 0.001 ? `< 0.1${NBSP}%` : `${(100 * p).toFixed(1)}${NBSP}%`;
export const grouped = (value) => value.toLocaleString("en").replace(/,/g, "\u202f");

/** What a badge says of an outcome. */
export const BADGES = { start: "Not attacked yet", fooled: "Fooled", held: "Held", wrong: "Already wrong", off: "Off target", beyond: "Beyond ε",
  fault: "Not run" };
export const WORKING = "Attacking…";
export const ahead = (place) => `${place} ahead in the queue`;

export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
export const setClass = (node, name) => {
  if (node.className !== name) node.className = name;
};

/** Write a class that was read on a chip: blue if it is the true one, orange if not. */
export const setChip = (chip, digit, label) => {
  setText(chip, String(digit));
  setClass(chip, digit === label ? "chip true" : "chip wrong");
};
