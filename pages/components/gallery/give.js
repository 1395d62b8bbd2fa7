// How a visitor takes something away: the page's address with the picks in it, and files made in the browser.
export const address = ({ link }) => {
  const url = new URL(window.location.href);
  url.search = link;
  return url.href;
};

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
