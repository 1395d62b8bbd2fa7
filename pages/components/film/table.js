// The other attackers: for each thing that one may know, what the usual attack with it has come to.
import { BADGES, grouped } from "../shared/words.js";
import { unitOf } from "./said.js";

/** Fill the table's body. pick(knows): a row was pressed. */
export function fill(body, data, sized, pick) {
  const drawn = data.rows.map((row) => {
    const line = document.createElement("tr");
    line.className = `${row.knows === data.knows ? "chosen" : ""} ${row.reads == null ? "to-come" : ""}`.trim();
    line.dataset.knows = row.knows;
    line.innerHTML = `<td><button type="button" class="pick"></button></td><td class="by"></td><td class="outcome"></td><td class="number"></td><td class="number all"></td><td class="number"></td>`;
    const [word, by, outcome, until, all, size] = [line.querySelector("button"), ...[...line.cells].slice(1)];
    word.textContent = row.word;
    word.onclick = () => pick(row.knows);
    by.textContent = row.attack;
    if (row.fault) {
      outcome.colSpan = 4;
      outcome.textContent = row.fault;
      for (const cell of [until, all, size]) cell.remove();
    } else if (row.reads == null) {
      outcome.textContent = data.running ? "to come" : "not run";
      for (const cell of [until, all, size]) cell.textContent = "–";
    } else {
      const lost = data.wrong != null;
      const kind = lost ? "wrong" : row.won ? "fooled" : row.within ? "held" : "beyond";
      outcome.innerHTML = `<span class="badge ${kind}"><span class="icon" aria-hidden="true"></span><b></b></span>`;
      outcome.querySelector("b").textContent = row.won && !lost ? `Reads ${row.reads}` : BADGES[kind];
      const unit = { steps: "queries", passes: "passes" }[row.unit] ?? row.unit;
      const spent = (count) => (row.unit === "steps" ? 0 : count);
      const told = (cell, count) => (cell.innerHTML = `${grouped(count)} <small>${unitOf(unit, count).split(" ")[0]}</small>`);
      if (row.until == null) until.textContent = "–";
      else told(until, spent(row.until));
      told(all, spent(row.spent));
      size.textContent = sized(row.measure, row.size);
    }
    return line;
  });
  body.replaceChildren(...drawn);
}
