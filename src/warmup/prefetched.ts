// The items of a sequence, each asked for while the one before it is worked on, and no further ahead than that.

export async function* prefetched<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (let next = iterator.next(); ;) {
      const { value, done } = await next;
      if (done === true) return;
      next = iterator.next();
      // Awaited later, or never: until then a rejection is not an unhandled one.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
