// How a visitor takes something away: the page's address with the picks in it, and files made in the browser.
// `data` is what Python sent, as far as it has the `link`, what belongs after the page's own name, and the `file`'s name.
const address = ({ link }) => {
  const url = new URL(window.location.href);
  url.search = link;
  return url.href;
};

/** Let the page's address say what stands on the page: a reload brings it back, and so does a server that restarted. */
export function keep(data) {
  const there = new URL(address(data));
  for (const [name, value] of new URLSearchParams(window.location.search)) if (name.startsWith("embed")) there.searchParams.append(name, value);
  if (there.href === window.location.href) return;
  try {
    window.history.replaceState(window.history.state, "", there); // no step that Back would have to go through
  } catch {
    // Browsers take so many changes in so many seconds; a later one will say it all.
  }
}

/** Put the page's link on the clipboard, and say so for a moment in the button's word. */
export async function copyLink(data, word) {
  try {
    await navigator.clipboard.writeText(address(data));
    word.textContent = "Link copied";
  } catch {
    window.prompt("Copy this link:", address(data));
  }
  setTimeout(() => (word.textContent = "Copy link"), 1600);
}

export function give(blob, { file }, ending) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = `epsilon-lab-${file}.${ending}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}

/** Give the numbers as JSON, the link first. indent: how far each level of them is set in. */
export function giveNumbers(data, numbers, indent = 1) {
  give(new Blob([JSON.stringify({ link: address(data), ...numbers }, null, indent)], { type: "application/json" }), data, "json");
}

/** Set the four buttons to work. told(): the data as of now; picture, numbers and code: what the other three do. */
export function offer(root, told, { picture, numbers, code }) {
  const one = (selector) => root.querySelector(selector);
  one(".copy").onclick = () => copyLink(told(), one(".copy .word"));
  one(".save").onclick = picture;
  one(".json").onclick = numbers;
  one(".code").onclick = code;
}
