// The map: one cell a point, borders between classes, the ball, the attack's path.
import { bytes } from "../shared/bytes.js";
import { colour, mix } from "../shared/colours.js";
import { drawn, way } from "../shared/svg.js";

export class Plane {
  constructor(packed) {
    Object.assign(this, packed);
    this.classes = bytes(packed.classes);
    this.confidence = bytes(packed.confidence);
  }

  /** Where (a, b) lies, in cells from the upper left corner: b grows upwards. */
  spot([a, b]) {
    const { count } = this;
    const share = (value, [low, high]) => (value - low) / (high - low);
    return [share(a, this.a) * (count - 1) + 0.5, (1 - share(b, this.b)) * (count - 1) + 0.5];
  }

  /** The point of a cell: column and row from the upper left corner. */
  point(column, row) {
    const at = (cell, [low, high]) => low + (cell / (this.count - 1)) * (high - low);
    return [at(column, this.a), at(this.count - 1 - row, this.b)];
  }

  /** The index of a cell in the arrays, whose rows begin at the bottom. */
  index(column, row) {
    return (this.count - 1 - row) * this.count + column;
  }
}

const mark = ([x, y], name) => drawn("circle", { class: name, cx: x, cy: y, r: 1.5, "vector-effect": "non-scaling-stroke" });

/** The ground: blue where the true class is read, orange where another is; the fuller, the surer. */
export function paintGround(canvas, plane, label, kind, node) {
  const { count } = plane;
  canvas.width = canvas.height = count;
  const tones = Object.fromEntries(["true-faint", "true-full", "wrong-faint", "wrong-full"].map((name) => [name, colour(node, `--${name}`)]));
  const context = canvas.getContext("2d");
  const image = context.createImageData(count, count);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++) {
      const at = plane.index(column, row);
      const side = plane.classes[at] === label ? "true" : "wrong";
      // Ten classes share the confidence: below a tenth nobody can be read.
      const sure = kind === "class" ? 0.62 : Math.max(0, (plane.confidence[at] / 255 - 0.25) / 0.75);
      image.data.set([...mix(tones[`${side}-faint`], tones[`${side}-full`], sure), 255], 4 * (row * count + column));
    }
  context.putImageData(image, 0, 0);
}

/** What lies over it, in cells: borders, each region's class, the ball, the path. */
export function drawOver(svg, plane, { ball, path, found }) {
  const { count } = plane;
  svg.setAttribute("viewBox", `0 0 ${count} ${count}`);
  const busy = [[0, 0], ...path, ...(found ? [found] : [])].map((point) => plane.spot(point));
  const nodes = [borders(plane), ...names(plane, busy)];
  const through = (points) => way(points.map((point) => plane.spot(point)), 2);
  if (ball) nodes.push(drawn("path", { class: "ball", d: `${through(ball)}Z` }));
  if (path.length > 1) nodes.push(drawn("path", { class: "path", d: through(path) }));
  nodes.push(mark(plane.spot([0, 0]), "from"));
  if (found) nodes.push(mark(plane.spot(found), "to"));
  const cross = drawn("g", { class: "cross" });
  svg.replaceChildren(...nodes, cross);
  return cross;
}

function borders(plane) {
  const { count, classes } = plane;
  const parts = [];
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++) {
      const here = classes[plane.index(column, row)];
      if (column + 1 < count && classes[plane.index(column + 1, row)] !== here) parts.push(`M${column + 1} ${row}v1`);
      if (row + 1 < count && classes[plane.index(column, row + 1)] !== here) parts.push(`M${column} ${row + 1}h1`);
    }
  return drawn("path", { class: "border", d: parts.join("") });
}

/** The class of each region that is large enough to be named, where it is deepest and nothing else is drawn. */
function names(plane, busy) {
  const { count, classes } = plane;
  const seen = new Uint8Array(count * count);
  const texts = [];
  for (let first = 0; first < count * count; first++) {
    if (seen[first]) continue;
    const region = [];
    const queue = [first];
    seen[first] = 1;
    while (queue.length) {
      const at = queue.pop();
      region.push(at);
      const [row, column] = [Math.floor(at / count), at % count];
      for (const [r, c] of [[row - 1, column], [row + 1, column], [row, column - 1], [row, column + 1]]) {
        const next = r * count + c;
        if (r < 0 || c < 0 || r >= count || c >= count || seen[next] || classes[next] !== classes[first]) continue;
        seen[next] = 1;
        queue.push(next);
      }
    }
    if (region.length < count * count * 0.012) continue;
    const [x, y, room] = deepest(region, plane, busy);
    if (room < 2.5) continue;
    texts.push(drawn("text", { x, y, "font-size": Math.min(7, 1.4 * room) }, classes[first]));
  }
  return texts;
}

/** The cell of a region that is farthest from its rim and from what is busy: [x, y, room]. */
function deepest(region, { count }, busy) {
  const inside = new Set(region);
  let best = [0, 0, -1];
  for (const at of region) {
    if (at % 3) continue;
    const [row, column] = [Math.floor(at / count), at % count];
    let room = Math.min(row, column, count - 1 - row, count - 1 - column) + 1;
    for (const [dr, dc] of [[0, 1], [1, 0], [0, -1], [-1, 0], [1, 1], [1, -1], [-1, 1], [-1, -1]])
      for (let far = 1; far < room; far++) if (!inside.has((row + dr * far) * count + column + dc * far)) room = far;
    const spot = [column + 0.5, count - 1 - row + 0.5];
    const free = busy.reduce((least, [x, y]) => Math.min(least, Math.hypot(spot[0] - x, spot[1] - y) / 1.5), room);
    if (free > best[2]) best = [...spot, free];
  }
  return best;
}
