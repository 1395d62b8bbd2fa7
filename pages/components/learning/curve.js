// Lines over ε from 0 to 100 %, each named on itself, perhaps with a band between them, a budget and a dot.
import { ink } from "../shared/chart.js";
import { drawn, way } from "../shared/svg.js";
import { NBSP } from "../shared/words.js";

// Where a line's name stands: beside its end, low or high, or at its beginning, over or under it.
const PLACES = {
  low: (left, right, y) => ({ x: right - 2, y: y(0) - 9, "text-anchor": "end" }),
  high: (left, right, y) => ({ x: right - 2, y: y(1) + 21, "text-anchor": "end" }),
  over: (left, right, y) => ({ x: left + 8, y: y(1) - 10 }),
  under: (left, right, y) => ({ x: left + 8, y: y(1) + 30 }),
};
const STEP = 0.1; // of ε, between two ticks

export function curve(svg, data) {
  const box = svg.getBoundingClientRect();
  if (!box.width) return;
  const [left, right, top, bottom] = [46, box.width - 10, 44, box.height - 26];
  const most = data.x.at(-1);
  const x = (eps) => left + ((right - left) * eps) / most;
  const y = (share) => bottom - (bottom - top) * share;
  const points = (line) => data.x.map((eps, at) => [x(eps), y(line.y[at])]);
  const shares = [[1, `100${NBSP}%`], [0.5, "50"], [0, "0"]];
  const ticks = [...Array(Math.round(most / STEP) + 1).keys()].map((at) => at * STEP);
  const parts = shares.flatMap(([share, text]) => [drawn("path", { d: `M${left} ${y(share)}H${right}`, stroke: ink("border-color") }),
    drawn("text", { x: left - 7, y: y(share) + 5, "text-anchor": "end" }, text)]);
  parts.push(...ticks.map((eps, at) => drawn("text", { x: x(eps), y: box.height - 4, "text-anchor": at === ticks.length - 1 ? "end" : at ? "middle" : "start" },
    at ? eps.toFixed(2) : `ε${NBSP}=${NBSP}0`)));
  if (data.band) {
    const [low, high] = data.lines.map(points);
    parts.push(drawn("path", { d: `${way([...low, ...high.reverse()])}Z`, fill: ink("gray-color"), opacity: 0.22 }));
  }
  parts.push(...data.lines.map((line) => drawn("path", { d: way(points(line)), fill: "none", stroke: ink(`${line.tone}-color`), "stroke-width": 3, "stroke-linejoin": "round" })));
  // What is marked has its words above the lines, one row each, so that no narrow screen lays them on each other.
  if (data.mark) {
    parts.push(drawn("path", { d: `M${x(data.mark.x)} ${top - 18}V${bottom}`, stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": "3 4" }),
      drawn("text", { class: "ink", x: x(data.mark.x) + 8, y: top - 8 }, data.mark.text));
  }
  if (data.dot) {
    parts.push(drawn("path", { d: `M${x(data.dot.x)} ${top - 38}V${bottom}`, stroke: ink("orange-color"), "stroke-width": 1.5 }),
      drawn("circle", { cx: x(data.dot.x), cy: bottom, r: 7, fill: ink("orange-color"), stroke: ink("background-color"), "stroke-width": 2.5 }),
      drawn("text", { class: "name orange", x: x(data.dot.x) + 8, y: top - 28 }, data.dot.text));
  }
  parts.push(...data.lines.map((line) => drawn("text", { class: `name ${line.tone}`, ...PLACES[line.at](left, right, y) }, line.text)));
  svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  svg.setAttribute("aria-label", [...data.lines.map(({ text }) => text), data.mark?.text, data.dot?.text].filter(Boolean).join(", "));
  svg.replaceChildren(...parts);
}
