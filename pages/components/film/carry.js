// What a visitor takes away from a film: the picture at this frame, and the numbers of every frame.
import { address, give } from "../gallery/give.js";

export function saveNumbersOf({ reel, data, frame }) {
  const gain = reel.scales[frame] / 127;
  const told = { link: address(data), setting: data.setting, label: data.label, target: data.target, norm: data.norm, eps: data.eps, unit: reel.unit,
    first_fooled_at: reel.first == null ? null : reel.at[reel.first], measured_in: reel.measure,
    frames: reel.at.map((spent, at) => ({ spent, size: reel.size[at], fooled_within_eps: reel.won[at], linf: reel.linf[at], l2: reel.l2[at], pixels_touched: reel.touched[at],
      probabilities: [...reel.shares(at)] })),
    shown_frame: frame, original: [...reel.original].map((v) => +(v / 255).toFixed(6)),
    // The page holds the change as whole multiples of a step; Show the code gives every digit of it.
    change_rounded_to: gain, change: [...reel.change(frame)].map((v) => +(v * gain).toPrecision(6)), attackers: data.rows };
  give(new Blob([JSON.stringify(told, null, 1)], { type: "application/json" }), data, "json");
}

export function savePictureOf({ data, plates, lab, verdict, frame }) {
  const [side, gap] = [280, 40];
  const canvas = document.createElement("canvas");
  canvas.width = 3 * side + 2 * gap + 48;
  canvas.height = side + 132;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(lab);
  context.fillStyle = style.getPropertyValue("--st-background-color");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  const { before, change, after, amplified } = plates;
  [before, change, after].forEach((plate, at) => context.drawImage(plate.canvas, 24 + at * (side + gap), 64, side, side));
  context.fillStyle = style.color;
  context.font = `700 24px ${style.fontFamily}`;
  context.fillText(verdict.textContent, 24, 42, canvas.width - 48);
  context.font = `16px ${style.fontFamily}`;
  const captions = [`${before.reads.textContent}, ${before.sure.textContent}`, `change, ${amplified.textContent || "none"}`,
    `${after.reads.textContent}, ${after.sure.textContent}`];
  captions.forEach((text, at) => context.fillText(text, 24 + at * (side + gap), side + 88));
  context.fillText(`${data.caption}, picture ${frame + 1} of the film`, 24, side + 116);
  canvas.toBlob((blob) => give(blob, data, "png"), "image/png");
}
