// Where the names of the two lines, and of what lies between them, can stand without touching a line or each other.
import { drawn } from "../shared/svg.js";

const [HEIGHT, GAP, PACE] = [18, 6, 6];

export class Names {
  /** within: { left, right, top, bottom }; lines: the lower and the upper, points from left to right; the upper may be []. */
  constructor(svg, within, lines) {
    Object.assign(this, { svg, ...within, lines: lines.filter((points) => points.length) });
    [this.lower, this.upper] = lines;
    this.taken = [];
  }

  write() {
    if (this.upper.length) {
      this.put("at most (PGD)", "orange", this.beside(this.upper, -1, true), this.beside(this.upper, 1, true));
      this.put("not known", "grey", this.between());
    }
    this.put("at least (proven)", "blue", this.beside(this.lower, 1, false), this.beside(this.lower, -1, true), this.anywhere());
  }

  /** Write a name at the first of the places that is free, if any is. A place is (width) => [x, y] pairs, in order. */
  put(text, kind, ...places) {
    const node = this.svg.appendChild(drawn("text", { class: `name ${kind}` }, text));
    const width = node.getComputedTextLength();
    for (const place of places)
      for (const [x, y] of place(width)) {
        if (!this.free(x, y, width)) continue;
        this.taken.push([x, y, width]);
        node.setAttribute("x", x);
        node.setAttribute("y", y);
        node.classList.toggle("within", this.within(x + width / 2, y - HEIGHT / 2));
        return;
      }
    node.remove();
  }

  /** Close above (-1) or below (1) a line, from the right end on or from the left. */
  beside(points, side, fromRight) {
    const end = points.at(-1)[0] - GAP; // a line that is still growing may be shorter than its name
    return (width) => this.paces(width, fromRight).filter((x) => x < end).map((x) => {
      const [highest, lowest] = this.span(points, x, x + width);
      return [x, side < 0 ? highest - GAP - 4 : lowest + GAP + HEIGHT - 4];
    });
  }

  /** In the middle between the lines, where they are farthest apart first. */
  between() {
    const end = this.upper.at(-1)[0] - GAP;
    return (width) => this.paces(width, true).filter((x) => x + width < end).map((x) => {
      const [, above] = this.span(this.upper, x, x + width);
      const [below] = this.span(this.lower, x, x + width);
      return [x, (above + below + HEIGHT) / 2 - 4, below - above];
    }).filter(([, , room]) => room > HEIGHT + GAP).sort((one, other) => other[2] - one[2]);
  }

  /** From the right end on, row by row from below. */
  anywhere() {
    return (width) => {
      const rows = [];
      for (let y = this.bottom - GAP; y > this.top + HEIGHT; y -= PACE) rows.push(...this.paces(width, true).map((x) => [x, y]));
      return rows;
    };
  }

  /** Whether a point lies between the two lines, on ground of another colour. */
  within(x, y) {
    const [[, above] = [0, this.bottom], [below] = [0]] = [this.upper, this.lower].map((points) => this.span(points, x, x + 1) ?? undefined);
    return above < y && y < below;
  }

  paces(width, fromRight) {
    const found = [];
    for (let x = this.left + GAP; x + width <= this.right; x += PACE) found.push(x);
    return fromRight ? found.reverse() : found;
  }

  /** The highest and the lowest place of a line from one x to another, null where it has none there. */
  span(points, from, to) {
    const heights = [];
    points.forEach(([x, y], k) => {
      if (x >= from && x <= to) heights.push(y);
      const next = points[k + 1];
      if (next && x < to && next[0] > from) heights.push(y); // its steps are level
    });
    return heights.length ? [Math.min(...heights), Math.max(...heights)] : null;
  }

  free(x, y, width) {
    const [top, bottom] = [y - HEIGHT + 4, y + 4];
    if (top < this.top || bottom > this.bottom) return false;
    const clear = this.lines.every((points) => {
      const span = this.span(points, x - 2, x + width + 2);
      return !span || span[0] > bottom + 1 || span[1] < top - 1;
    });
    return clear && this.taken.every(([left, base, wide]) => x > left + wide + GAP || x + width + GAP < left || Math.abs(y - base) >= HEIGHT);
  }
}
