// Keys as they are asked for: the n-th most popular one n times less often than the first.

/** @param random a number in [0, 1). */
export function zipf(count: number, random: () => number): () => number {
  const cumulated = new Float64Array(count);
  let sum = 0;
  for (let index = 0; index < count; index += 1) cumulated[index] = sum += 1 / (index + 1);
  return () => {
    const at = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
