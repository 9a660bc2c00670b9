// How long an entry may be used, and how.

export interface Freshness {
  /** When it was made: by whoever wrote it, or by the origin, so that its age counts from there. */
  readonly storedAtMs: number;
  /** Not always whole: lifetimes are spread. */
  readonly ttlSeconds: number;
}

export interface Lifetime {
  readonly freshness: Freshness;
  /** May be used only after the origin has said that it is still current. */
  readonly revalidate: boolean;
  /** False where the origin forbids it to everybody. */
  readonly staleAllowed: boolean;
  /** Past freshness, while it is renewed. */
  readonly staleWhileRevalidateSeconds: number;
  /** Past freshness, while the origin fails. */
  readonly staleIfErrorSeconds: number;
  /** How long Redis keeps it from now on. */
  readonly keptMs: number;
}
