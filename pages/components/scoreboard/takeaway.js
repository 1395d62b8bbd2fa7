// The table as a picture to take away.
import { colour, heated } from "../shared/colours.js";
import { Sheet } from "../shared/sheet.js";
import { CLEAN, inPercent, WORST } from "./scores.js";

export function picture({ scoreboard, scores, picks, data, verdict, sentence }) {
  const columns = [{ name: CLEAN, title: "No attack" }, ...scores.attacks, { name: WORST, title: "worst" }];
  const [left, top, wide, high] = [230, 140, 128, 50];
  const sheet = new Sheet(scoreboard, left + columns.length * wide + 32, top + scores.models.length * high + 60);
  const tones = ["--cool", "--pale", "--hot"].map((name) => colour(scoreboard, name));
  sheet.write(verdict.textContent, 24, 50, "700 32px");
  sheet.write(sentence.textContent, 24, 82, "17px");
  columns.forEach(({ name, title }, i) => sheet.write(title, left + i * wide + 12 + (name === WORST ? 8 : 0), top - 14, "700 17px", wide - 14));
  scores.models.forEach(({ name: model, title }, j) => {
    const y = top + j * high;
    sheet.write(title, 24, y + 30, "700 17px", left - 34);
    columns.forEach(({ name }, i) => {
      const right = scores.right(model, name, picks.place);
      const x = left + i * wide + (name === WORST ? 8 : 0);
      const framed = name === WORST || right === undefined;
      if (framed) sheet.frame(x, y, wide - 4, high - 4);
      else sheet.fill(heated(1 - right / scores.count, tones), x, y, wide - 4, high - 4);
      sheet.write(right === undefined ? "–" : inPercent(right, scores.count), x + 12, y + 30, name === WORST ? "700 19px" : "19px", wide, framed ? null : "#121A2B");
    });
  });
  sheet.write(data.origin, 24, top + scores.models.length * high + 32, "15px", sheet.canvas.width - 48);
  sheet.give(data);
}
