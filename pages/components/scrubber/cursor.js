// Brings ε, and what was asked for at that ε, to the scrubber beside it, and carries its wishes to Python. A component of
// its own, so that the slider's release sends this little and not the sweep.
export default function ({ data, setStateValue, setTriggerValue }) {
  const mine = { data, setStateValue, setTriggerValue };
  const tell = () => window.dispatchEvent(new Event("epsilon-cursor"));
  window.epsilonCursor = mine;
  tell();
  return () => {
    if (window.epsilonCursor !== mine) return;
    delete window.epsilonCursor;
    tell();
  };
}
