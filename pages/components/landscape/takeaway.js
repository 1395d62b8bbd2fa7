// What a visitor takes away: the link, the map, the numbers.
import { address, give } from "../gallery/give.js";

export function saveNumbers(data) {
  const { classes, confidence, a, b, count } = data.plane;
  const unpacked = (text) => Array.from(atob(text), (c) => c.charCodeAt(0));
  const told = { link: address(data), setting: data.setting, label: data.label, count, across: a, up: b, ball: data.ball, path: data.path,
    // Rows from the least "up" to the greatest, each from the least "across".
    classes: unpacked(classes), confidence: unpacked(confidence).map((level) => +(level / 255).toFixed(3)) };
  give(new Blob([JSON.stringify(told)], { type: "application/json" }), data, "json");
}

/** The map and what lies over it, as one picture: the SVG takes its styles along. */
export async function saveMap(land) {
  const { data, plane } = land;
  const [side, top, rim] = [8 * plane.count, 76, 24];
  const canvas = document.createElement("canvas");
  canvas.width = side + 2 * rim;
  canvas.height = side + top + 60;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(land.node);
  context.fillStyle = style.getPropertyValue("--st-background-color");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(land.ground, rim, top, side, side);
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
  context.save();
  context.beginPath();
  context.rect(rim, top, side, side);
  context.clip();
  context.drawImage(image, rim, top, side, side);
  context.restore();
  context.fillStyle = style.color;
  context.font = `700 24px ${style.fontFamily}`;
  context.fillText(land.verdict.textContent, rim, 36);
  context.font = `15px ${style.fontFamily}`;
  context.fillText(data.caption, rim, 62);
  context.fillText(data.axis, rim, side + top + 30, side);
  canvas.toBlob((blob) => give(blob, data, "png"), "image/png");
}
