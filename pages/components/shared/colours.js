// The theme's colours as numbers: for whatever is painted dot by dot.
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** A CSS variable's colour as [r, g, b]. */
export const colour = (node, name) => rgb(getComputedStyle(node).getPropertyValue(name).trim());

/** A change's colours: the darker, none, the lighter. */
export const palette = (node) => ["--darker", "--middle", "--lighter"].map((name) => colour(node, name));

export const mix = (one, other, share) => one.map((value, k) => value + (other[k] - value) * share);

/** The colour of a share fooled: cool at 0, hot at 1. */
export function heated(share, [cool, pale, hot]) {
  const tone = share < 0.5 ? mix(cool, pale, 2 * share) : mix(pale, hot, 2 * share - 1);
  return `rgb(${tone.map(Math.round).join(" ")})`;
}

/** Give a component's root the class that its colours in the dark theme hang on; true where it is dark. */
export function darkened(node) {
  const probe = document.createElement("canvas").getContext("2d"); // writes every colour of CSS as #rrggbb
  probe.fillStyle = getComputedStyle(node).getPropertyValue("--st-background-color").trim() || "#fff";
  const dark = rgb(probe.fillStyle).reduce((sum, part) => sum + part) / 3 < 128;
  node.classList.toggle("dark", dark);
  return dark;
}
