import { expect, it } from 'vitest';
import { Dependents } from '../../../src/exports/dependents.ts';

function part(name: string, stopped: string[]) {
  return {
    name,
    stop: async () => {
      await Promise.resolve();
      stopped.push(name);
    },
  };
}

it('makes a part once, whoever asks for it', () => {
  const dependents = new Dependents();
  const first = dependents.once('fleet', () => part('first', []));
  expect(dependents.once('fleet', () => part('second', []))).toBe(first);
  expect(dependents.once('cache', () => part('third', [])).name).toBe('third');
});

it('stops the latest first, each once, one after the other', async () => {
  const stopped: string[] = [];
  const dependents = new Dependents();
  for (const name of ['cache', 'fleet', 'warmup']) dependents.once(name, () => part(name, stopped));
  void dependents.stop();
  await dependents.stop();
  expect(stopped).toEqual(['warmup', 'fleet', 'cache']);
});
