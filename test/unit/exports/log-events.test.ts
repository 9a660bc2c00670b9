import { expect, it, vi } from 'vitest';
import { logEvents } from '../../../src/exports/log-events.ts';
import { emit } from '../../../src/telemetry/events.ts';

function sink() {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { lines, info: write, warn: write, error: write };
}

it('logs each event once, whichever build of the package was told to, until it is stopped', async () => {
  const first = sink();
  const second = sink();
  const stop = logEvents(first);
  vi.resetModules();
  const other = await import('../../../src/exports/log-events.ts');
  other.logEvents(second);
  emit({ type: 'entryInvalid', reason: 'It is cut.' });
  expect(first.lines).toEqual(['entryInvalid {"level":"warn","reason":"It is cut."}']);
  expect(second.lines).toEqual([]);
  stop();
  stop();
  emit({ type: 'entryInvalid', reason: 'It is cut again.' });
  expect(first.lines).toHaveLength(1);
});

it('can be started again', () => {
  const again = sink();
  logEvents(again)();
  const stop = logEvents(again);
  emit({ type: 'originRecovered', failedMs: 5, failures: 1 });
  expect(again.lines).toEqual(['originRecovered {"failedMs":5,"failures":1}']);
  stop();
});
