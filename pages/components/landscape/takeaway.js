// What a visitor takes away: the link, the map, the numbers.
import { bytes } from "../shared/bytes.js";
import { giveNumbers } from "../shared/give.js";
import { Sheet } from "../shared/sheet.js";

export function saveNumbers(data) {
  const { classes, confidence, a, b, count } = data.plane;
  const told = { setting: data.setting, label: data.label, count, across: a, up: b, ball: data.ball, path: data.path,
    // Rows from the least "up" to the greatest, each from the least "across".
    classes: [...bytes(classes)], confidence: [...bytes(confidence)].map((level) => +(level / 255).toFixed(3)) };
  giveNumbers(data, told, 0);
}

/** The map and what lies over it, as one picture: the SVG takes its styles along. */
export async function saveMap(land) {
  const { data, plane } = land;
  const [side, top, rim] = [8 * plane.count, 76, 24];
  const sheet = new Sheet(land.node, side + 2 * rim, side + top + 60);
  sheet.picture(land.ground, rim, top, side);
  const over = land.over.cloneNode(true);
  const from = land.over.querySelectorAll("*");
  over.querySelectorAll("*").forEach((node, at) => {
    const drawn = getComputedStyle(from[at]);
    for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family", "font-weight", "text-anchor", "dominant-baseline", "paint-order"])
      node.style.setProperty(name, drawn.getPropertyValue(name));
  });
  over.querySelector(".cross").remove();
  over.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  over.setAttribute("width", side);
  over.setAttribute("height", side);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(over))}`;
  await image.decode();
  const { context } = sheet;
  context.save();
  context.beginPath();
  context.rect(rim, top, side, side);
  context.clip();
  sheet.picture(image, rim, top, side);
  context.restore();
  sheet.write(land.verdict.textContent, rim, 36, "700 24px");
  sheet.write(data.caption, rim, 62, "15px");
  sheet.write(data.axis, rim, side + top + 30, "15px", side);
  sheet.give(data);
}
