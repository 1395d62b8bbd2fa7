// What a visitor takes away: the link, the picture, the numbers. All of it is made here, in the browser.

/** The page's address with the picks and this ε in it. */
function link({ data, say, eps }) {
  const url = new URL(window.location.href);
  url.search = data.link;
  url.searchParams.set("eps", say(eps));
  return url.href;
}

export async function copyLink(lab, word) {
  try {
    await navigator.clipboard.writeText(link(lab));
    word.textContent = "Link copied";
  } catch {
    window.prompt("Copy this link:", link(lab));
  }
  setTimeout(() => (word.textContent = "Copy link"), 1600);
}

function give(blob, { data, say, eps }, ending) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = `epsilon-lab-${data.file}-eps-${say(eps)}.${ending}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}

export function savePicture(lab) {
  const side = 280;
  const gap = 40;
  const canvas = document.createElement("canvas");
  canvas.width = 3 * side + 2 * gap + 48;
  canvas.height = side + 132;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(lab.lab);
  context.fillStyle = style.getPropertyValue("--st-background-color");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  const { before, change, after, amplified } = lab.plates;
  [before, change, after].forEach((plate, at) => context.drawImage(plate.canvas, 24 + at * (side + gap), 64, side, side));
  context.fillStyle = style.color;
  context.font = `700 24px ${style.fontFamily}`;
  context.fillText(lab.verdict.textContent, 24, 42);
  context.font = `16px ${style.fontFamily}`;
  const captions = [`${before.reads.textContent}, ${before.sure.textContent}`, `change, ${amplified.textContent || "none"}`,
    `${after.reads.textContent}, ${after.sure.textContent}`];
  captions.forEach((text, at) => context.fillText(text, 24 + at * (side + gap), side + 88));
  context.fillText(`${lab.data.caption}, ε = ${lab.say(lab.eps)}`, 24, side + 116);
  canvas.toBlob((blob) => give(blob, lab, "png"), "image/png");
}

export function saveNumbers(lab) {
  const { sweep, data, row } = lab;
  const gain = sweep.scales[row] / 127;
  const told = {
    link: link(lab), setting: data.setting, label: data.label, target: data.target, norm: data.norm, eps: lab.eps,
    success: sweep.success[row], linf: sweep.linf[row], l2: sweep.l2[row], pixels_touched: sweep.touched[row],
    gradients: sweep.gradients[row], forwards: sweep.forwards[row], smallest_change_found: data.minimises ? sweep.found : undefined, size: sweep.size[row],
    probabilities_before: [...sweep.before], probabilities_after: [...sweep.shares(row)],
    original: [...sweep.original].map((v) => +(v / 255).toFixed(6)),
    // The page holds the change as whole multiples of a step; Show the code gives every digit of it.
    change_rounded_to: gain,
    change: [...sweep.change(row)].map((v) => +(v * gain).toPrecision(6)),
    curve: sweep.epsilons.map((eps, at) => ({ eps, success: sweep.success[at], probabilities: [...sweep.shares(at)] })),
  };
  give(new Blob([JSON.stringify(told, null, 1)], { type: "application/json" }), lab, "json");
}
