// What the table holds, counted: how many digits each network still reads right, under what is shown, at every ε.
const SURE = 1.959964; // of the 95 % interval

export const CLEAN = "clean"; // the column before any attack
export const WORST = "worst"; // the column of what any of the attacks broke

export class Scores {
  /** data: what Python sent; picks: the norm, how many digits, and which models and attacks are left out. */
  constructor(data, { norm, count, without }) {
    this.norm = data.norms.find(({ name }) => name === norm) ?? data.norms[0];
    this.count = Math.min(count, data.count);
    const shown = (kind) => ({ name }) => !without.includes(`${kind} ${name}`);
    this.attacks = this.norm.attacks.filter(shown("attack"));
    this.held = new Map(data.models.filter(shown("model")).map(({ name }) => [name, this.model(data, name)]));
    this.models = data.models.filter(({ name }) => this.held.has(name));
    const seen = new Map([...this.held].map(([name, held]) => [name, this.attacks.filter((attack) => held[attack.name]).length]));
    const most = Math.max(...seen.values());
    this.whole = [...seen.values()].every((count) => !count || count === this.attacks.length);
    // As long as cells are missing, a network stands in line only if it has seen about as many attacks as any other.
    this.inLine = (name) => seen.get(name) > 0 && seen.get(name) >= most - 1;
    const rank = ({ name }) => (this.held.get(name)[WORST]?.reduce((sum, each) => sum + each) ?? -1) + (this.inLine(name) ? 1e9 : 0);
    this.models.sort((one, other) => rank(other) - rank(one));
  }

  /** Of each column of a model how many digits stand at every place, first before any attack; none of what is not measured. */
  model(data, name) {
    const held = {};
    for (const attack of this.attacks) if (this.norm.cells[name]?.[attack.name]) held[attack.name] = this.standing(name, [attack]);
    if (Object.keys(held).length) held[WORST] = this.standing(name, this.attacks);
    const any = data.norms.map(({ cells }) => Object.values(cells[name] ?? {})[0]).find(Boolean);
    const clean = any && [...any.slice(0, this.count)].filter((code) => code !== "-").length;
    if (any) held[CLEAN] = [-1, ...this.norm.epsilons.keys()].map(() => clean);
    return held;
  }

  /** How many digits stand at every place against those of the attacks that are measured. */
  standing(name, attacks) {
    const texts = attacks.map((attack) => this.norm.cells[name]?.[attack.name]).filter(Boolean);
    const at = (code) => (code === "-" ? -1 : parseInt(code, 36)); // "-" was read wrong before all
    const fell = Array.from({ length: this.count }, (_, digit) => Math.min(...texts.map((text) => at(text[digit]))));
    return [-1, ...this.norm.epsilons.keys()].map((place) => fell.filter((each) => each > place).length);
  }

  /** How many digits the model reads right in a column at a place; undefined where nobody knows. */
  right(model, column, place) {
    return this.held.get(model)?.[column]?.[place + 1];
  }

  /** Who leads at worst: the networks, and how many digits they read right. */
  leaders(place) {
    const among = this.models.filter(({ name }) => this.inLine(name));
    const most = Math.max(...among.map(({ name }) => this.right(name, WORST, place)));
    return { most, models: among.filter(({ name }) => this.right(name, WORST, place) === most) };
  }

  /** The attack that leaves the fewest standing. */
  strongest(model, place) {
    const known = this.attacks.filter(({ name }) => this.held.get(model)[name]);
    return known.reduce((one, other) => (this.right(model, other.name, place) < this.right(model, one.name, place) ? other : one)).name;
  }
}

/** The shares between which the true one lies, 95 times of 100 (Wilson 1927). */
export function interval(hits, count) {
  const [share, spread] = [hits / count, (SURE * SURE) / count];
  const middle = (share + spread / 2) / (1 + spread);
  const half = (SURE / (1 + spread)) * Math.sqrt((share * (1 - share)) / count + spread / (4 * count));
  return [hits ? middle - half : 0, hits === count ? 1 : middle + half];
}

export const inPercent = (hits, count) => ((100 * hits) / count).toFixed(1);
