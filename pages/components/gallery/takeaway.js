// What a visitor takes away: the picture of all cards, the numbers.
import { address, give } from "./give.js";

export function saveNumbers(data) {
  const cards = data.cards.filter((card) => card.probabilities).map(({ change, scale, ...told }) => told);
  const told = { link: address(data), setting: data.setting, label: data.label, attacks: cards };
  give(new Blob([JSON.stringify(told, null, 1)], { type: "application/json" }), data, "json");
}

export function savePicture(gallery) {
  const { data } = gallery;
  const cards = gallery.ordered().filter((card) => card.probabilities);
  const [across, wide, high] = [Math.min(4, Math.max(cards.length, 1)), 270, 178];
  const canvas = document.createElement("canvas");
  canvas.width = 24 + across * wide;
  canvas.height = 84 + Math.ceil(cards.length / across) * high;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(gallery.node);
  context.fillStyle = style.getPropertyValue("--st-background-color");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.fillStyle = style.color;
  context.font = `700 24px ${style.fontFamily}`;
  context.fillText(gallery.verdict.textContent, 24, 38);
  context.font = `15px ${style.fontFamily}`;
  context.fillText(data.caption, 24, 64);
  cards.forEach((told, at) => {
    const [x, y] = [24 + (at % across) * wide, 84 + Math.floor(at / across) * high];
    const shown = gallery.shown.get(told.name);
    context.drawImage(shown.after, x, y + 24, 112, 112);
    context.drawImage(shown.change, x + 122, y + 24, 112, 112);
    context.font = `700 16px ${style.fontFamily}`;
    context.fillText(told.title, x, y + 16);
    context.font = `14px ${style.fontFamily}`;
    context.fillText(`reads ${told.reads}, L2 ${told.l2.toFixed(2)}, L∞ ${told.linf.toFixed(3)}`, x, y + 154);
  });
  canvas.toBlob((blob) => give(blob, data, "png"), "image/png");
}
