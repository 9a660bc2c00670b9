// Makes node-redis clients that share one class: `createClient` makes a class for each one that has options of its own.

import { createClient } from 'redis';

interface Duplicates {
  duplicate(overrides: never): object;
}

type OptionsOf<Client extends Duplicates> = NonNullable<Parameters<Client['duplicate']>[0]>;

/**
 * A class has 1,200 methods: making it takes 20 to 50 ms in which nothing else runs, and V8 compiles each method anew
 * (node-redis 6.3.1, `RedisClient.factory`). A duplicate has the class of its original, and options of its own.
 * @param create the original, with the modules and the RESP version of all others; called once, and never connected.
 * @returns makes a client, as `createClient` does.
 */
export function clientsOfOneClass<Client extends Duplicates>(
  create: () => Client,
): (options: OptionsOf<Client>) => Client {
  let original: Client | undefined;
  return (options) => {
    original ??= create();
    // Duplicates would share the field sets of HIMPORT with their original.
    const overrides = { ...(options as object), himportRegistry: undefined };
    // What `createClient` returns inherits from the client as well.
    return Object.create(original.duplicate(overrides as never)) as Client;
  };
}

/** RESP3, in which a subscriber can be re-authenticated as well. */
export const newRedisClient = clientsOfOneClass(() => createClient({ RESP: 3 }));
