// Which load a call is made by: a source may ask the cache itself, for what it makes its own answer of.

import { AsyncLocalStorage } from 'node:async_hooks';
import { AppError } from '../util/errors.ts';

interface Loading {
  /** Whose keys they are. */
  readonly owner: object;
  readonly redisKey: string;
  /** In how many loads the deepest caller of this one is; undefined where nobody waits for it. */
  readonly callers: { readonly depth: number } | undefined;
  readonly around: Loading | undefined;
  isOver: boolean;
}

const loads = new AsyncLocalStorage<Loading>();

/** Runs `work`, whose calls are then known to be made by this load, until it is over. */
export async function asLoad<T>(
  { owner, redisKey, callers }: Pick<Loading, 'owner' | 'redisKey' | 'callers'>,
  work: () => Promise<T>,
): Promise<T> {
  // Whoever has set off a load that nobody waits for does not wait for it either.
  const around = callers === undefined ? undefined : current();
  const load: Loading = { owner, redisKey, callers, around, isOver: false };
  try {
    return await loads.run(load, work);
  } finally {
    load.isOver = true;
  }
}

/** In how many loads this call is made: 0 where it is nobody's but the caller's own. */
export function loadDepth(): number {
  const load = current();
  return load === undefined ? 0 : (load.callers?.depth ?? 0) + 1;
}

/** Whether this call is made by the load of that key, or by one that such a load waits for. */
export function isWithinLoad(owner: object, redisKey: string): boolean {
  for (let load = current(); load !== undefined; load = load.around) {
    if (load.owner === owner && load.redisKey === redisKey) return true;
  }
  return false;
}

export function waitsForItself(): AppError {
  const message =
    'What loads this key asks the cache for the same key, and so waits for itself: give one of the two another key.';
  return new AppError('options-invalid', message);
}

/** What a source has left behind waits for nobody, and nobody for it. */
function current(): Loading | undefined {
  const load = loads.getStore();
  return load?.isOver === false ? load : undefined;
}
