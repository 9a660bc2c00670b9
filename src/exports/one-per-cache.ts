// One client for each cache in a process, however often the module that makes it is loaded.

import { AppError } from '../util/errors.ts';
import { onePerProcess } from '../util/one-per-process.ts';
import type { ResolvedRedisOptions } from './redis-options.ts';

interface Held {
  readonly client: unknown;
  readonly options: ResolvedRedisOptions;
}

/**
 * The process's client of this cache and namespace; `create` runs where there is none, and is given what ends that.
 * @throws AppError `options-invalid` where there is one with other options.
 */
export function onePerCache<T>(
  owner: string,
  options: ResolvedRedisOptions,
  create: (forget: () => void) => T,
): T {
  const clients = onePerProcess('clients', () => new Map<string, Held>());
  const { hostname, port, namespace } = options;
  const name = `${hostname}:${port} ${namespace}`;
  const found = clients.get(name);
  if (found === undefined) {
    const client = create(() => clients.delete(name));
    clients.set(name, { client, options });
    return client;
  }
  const names = Object.keys(options) as (keyof ResolvedRedisOptions)[];
  const differing = names.filter((option) => options[option] !== found.options[option]);
  if (differing.length === 0) return found.client as T;
  throw new AppError(
    'options-invalid',
    `${owner}: this process has a client of ${hostname}:${port} (namespace ${namespace}) already, made with another ${differing.join(', ')}. Use that one, close it first, or give this one another namespace.`,
  );
}
