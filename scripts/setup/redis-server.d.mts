// The types of redis-server.mjs.

import type { Machine } from './machine.mjs';

export function ensureRedisServer(machine: Machine): Promise<void>;
