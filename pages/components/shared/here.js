// Where ε is, told among the components of one page: one of them has the slider, the others follow it.
const NAME = "epsilon-here";

export function tell(eps, norm) {
  window.epsilonHere = { eps, norm };
  window.dispatchEvent(new Event(NAME));
}

/** Call heard({ eps, norm }) now, if ε is known, and with each of its moves; returns what ends that. */
export function hear(heard) {
  const listener = () => heard(window.epsilonHere);
  window.addEventListener(NAME, listener);
  if (window.epsilonHere) listener();
  return () => window.removeEventListener(NAME, listener);
}
