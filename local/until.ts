// Waits for a state that nothing announces. Used where a local part settles by itself.

const pauseMs = 20;

/**
 * Repeats `lacking` until it says undefined: nothing is lacking any more.
 * @throws Error with what it said last, or its own error as the cause, when `limitMs` have passed.
 */
export async function untilNothingLacks(
  lacking: () => Promise<string | undefined>,
  what: string,
  limitMs: number,
): Promise<void> {
  const untilMs = Date.now() + limitMs;
  for (;;) {
    let [reason, cause]: [string | undefined, unknown] = [undefined, undefined];
    try {
      reason = await lacking();
      if (reason === undefined) return;
    } catch (error) {
      [reason, cause] = [String(error), error];
    }
    if (Date.now() > untilMs) throw new Error(`${what}: not after ${limitMs} ms: ${reason}`, { cause });
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
  }
}
