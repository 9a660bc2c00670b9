import { describe } from 'vitest';
import { registryContract } from '../../contract/registry.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { InMemoryRegistry } from '../../support/in-memory-registry.ts';

describe('the registry in memory', () => {
  registryContract(async () => {
    const clock = new FakeClock();
    const registry = new InMemoryRegistry(clock);
    return {
      registries: [registry, registry],
      nowMs: () => clock.nowMs(),
      publish: async (channel, message) => registry.publish(channel, message),
      put: async (entry) => registry.put(entry),
      putMeasures: async (id, form) => registry.putMeasures(id, form),
      async putMinute(field, text) {
        if (/^\d+$/u.test(field)) registry.putMinute(Number(field), text);
      },
      async refuse(what) {
        registry.refused.add('write');
        if (what === 'writes and messages') registry.refused.add('publish');
        return async () => registry.refused.clear();
      },
    };
  });
});
