// A thick round pen on a black square; after each stroke the picture goes to Python as a PNG.
const ready = new WeakSet();

export default function ({ parentElement, setStateValue }) {
  if (ready.has(parentElement)) return;
  ready.add(parentElement);
  const canvas = parentElement.querySelector("canvas");
  const hint = parentElement.querySelector(".hint");
  const pen = canvas.getContext("2d");
  let last = null;

  const clear = () => {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, 280, 280);
    hint.hidden = false;
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * 280) / box.width, ((event.clientY - box.top) * 280) / box.height];
  };
  const line = (to) => {
    pen.strokeStyle = "#fff";
    pen.lineWidth = 22;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...to);
    pen.stroke();
    last = to;
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    hint.hidden = true;
    last = point(event);
    line(last);
    event.preventDefault();
  };
  canvas.onpointermove = (event) => {
    if (!last) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) line(point(each));
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!last) return;
    last = null;
    setStateValue("ink", canvas.toDataURL("image/png").split(",")[1]);
  };
  parentElement.querySelector("button").onclick = () => {
    clear();
    setStateValue("ink", "");
  };
  clear();
}
