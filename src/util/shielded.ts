// A listener of somebody else's, called so that its faults stay its own.

/**
 * `listener`, of which nothing comes back: neither what it throws, nor what the promise of an asynchronous one rejects
 * with. One listener's bug must not reach the others, nor end the process.
 */
export function shielded<T>(listener: (value: T) => unknown): (value: T) => void {
  return (value) => {
    try {
      const result = listener(value);
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // Its own matter.
    }
  };
}
