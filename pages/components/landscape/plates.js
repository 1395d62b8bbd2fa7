// Pictures of 28 x 28: digits in grey, changes from purple to green.
export const PIXELS = 784;

export const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
export const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** A CSS variable's colour as [r, g, b]. */
export function colour(node, name) {
  const text = getComputedStyle(node).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

export const mix = (one, other, share) => one.map((value, k) => value + (other[k] - value) * share);

function fill(canvas, pixel) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(28, 28);
  for (let at = 0; at < PIXELS; at++) image.data.set([...pixel(at), 255], 4 * at);
  context.putImageData(image, 0, 0);
}

export function paintDigit(canvas, levels) {
  fill(canvas, (at) => {
    const level = Math.round(255 * Math.max(0, Math.min(1, levels[at])));
    return [level, level, level];
  });
}

/** A change, its largest entry in full colour. */
export function paintChange(canvas, change, node) {
  const [darker, middle, lighter] = ["--darker", "--middle", "--lighter"].map((name) => colour(node, name));
  const full = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  fill(canvas, (at) => mix(middle, change[at] < 0 ? darker : lighter, Math.abs(change[at]) / full));
}
