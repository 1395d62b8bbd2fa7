// What Streamlit calls with each run of the page.

/** A component of a class that is made once for its place, takes what came as `update`, and may `leave` at the end. */
export function mounted(Kind) {
  const there = new WeakMap();
  return (component) => {
    const { parentElement } = component;
    const one = there.get(parentElement) ?? new Kind(parentElement);
    there.set(parentElement, one);
    one.update(component);
    if (!one.leave) return undefined;
    return () => {
      one.leave();
      there.delete(parentElement);
    };
  };
}
