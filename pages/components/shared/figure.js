// A sentence about one figure, which stands in it in bold.

/** Write [words before, the figure, words after], unless they stand there. */
export function setFigure(node, [before, figure, after]) {
  if (node.textContent === before + figure + after) return;
  node.replaceChildren(before, Object.assign(document.createElement("b"), { textContent: figure }), after);
}
