// What a visitor takes away: the picture of all cards, the numbers.
import { giveNumbers } from "../shared/give.js";
import { Sheet } from "../shared/sheet.js";

export function saveNumbers(data) {
  const cards = data.cards.filter((card) => card.probabilities).map(({ change, scale, ...told }) => told);
  giveNumbers(data, { setting: data.setting, label: data.label, attacks: cards });
}

export function savePicture(owner) {
  const { data, gallery, verdict, shown } = owner;
  const cards = owner.ordered().filter((card) => card.probabilities);
  const [rim, top, across, wide, high] = [24, 84, Math.min(4, Math.max(cards.length, 1)), 270, 178];
  const sheet = new Sheet(gallery, rim + across * wide, top + Math.ceil(cards.length / across) * high);
  sheet.write(verdict.textContent, rim, 38, "700 24px");
  sheet.write(data.caption, rim, 64, "15px");
  cards.forEach((told, at) => {
    const [x, y] = [rim + (at % across) * wide, top + Math.floor(at / across) * high];
    const { after, change } = shown.get(told.name);
    sheet.picture(after.canvas, x, y + 24, 112);
    sheet.picture(change.canvas, x + 122, y + 24, 112);
    sheet.write(told.title, x, y + 16, "700 16px");
    sheet.write(`reads ${told.reads}, L2 ${told.l2.toFixed(2)}, L∞ ${told.linf.toFixed(3)}`, x, y + 154, "14px");
  });
  sheet.give(data);
}
