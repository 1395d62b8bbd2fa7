// Scores in rising order, as they come from Python.

/** How many of the sorted scores lie above a threshold. */
export function above(scores, threshold) {
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] > threshold) high = middle;
    else low = middle + 1;
  }
  return scores.length - low;
}
