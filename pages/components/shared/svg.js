// What is drawn as SVG, piece by piece.

/** An element with its attributes, and what is written in it. */
export function drawn(name, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

/** The way through points, as a path's `d`. */
export const way = (points, digits = 1) => `M${points.map(([x, y]) => `${x.toFixed(digits)} ${y.toFixed(digits)}`).join("L")}`;
