// Bars with their words before them and their numbers behind.
export function bars(list, rows, log) {
  const most = Math.max(1, ...rows.map((row) => row.most ?? row.value));
  const share = (value) => (log ? Math.log1p(value) / Math.log1p(most) : value / most);
  list.replaceChildren(...rows.map((row) => {
    const node = document.createElement("div");
    node.innerHTML = `<dt><b></b><span></span></dt><dd class="well"><i></i></dd><dd class="told"></dd>`;
    node.querySelector("dt b").textContent = row.word;
    node.querySelector("dt span").textContent = row.note ?? "";
    node.querySelector(".well i").style.width = `${(100 * share(row.value)).toFixed(2)}%`;
    node.querySelector(".told").textContent = row.text;
    node.className = row.tone ?? "";
    return node;
  }));
}
