// What may be set for what a process keeps in memory.

/** More than an eighth of the largest instance is never used. */
export const mostMemoryMb = 65_536;
/** Longer than an hour nobody should rely on what may have changed. */
export const mostMemoryAgeMs = 3_600_000;
