// The local Functions host beside the real one: 274 exchanges that were recorded from Azure/azure-functions-host
// 4.1037.0, with the app in test/fixtures/functions-host, each repeated by raw bytes.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startHost } from '../../local/functions-host/host.ts';
import { exchange, type RawResponse } from '../support/raw-http.ts';

interface Recorded extends Omit<RawResponse, 'body'> {
  readonly name: string;
  readonly method: string;
  readonly request: string;
  /** Null where it is long: then its length counts. */
  readonly body: string | null;
  readonly bodyBytes: number;
}

const directory = join(import.meta.dirname, '../fixtures/functions-host');

/** By name, and why. */
const known: Readonly<Record<string, string>> = {
  'path ../..': 'the home page of the real host has 149,794 bytes of pictures; ours says that it runs',
};

it('answers as the real host does', async () => {
  const recorded = JSON.parse(await readFile(join(directory, 'recorded-echo.json'), 'utf8')) as Recorded[];
  expect(recorded).toHaveLength(274);
  const settings = { SPAN: '0 0 0 1 1 *', ECHO_LOG: '/dev/null' };
  const host = await startHost({ appDirectory: directory, settings, timers: false });
  const differing: Record<string, { expected: unknown; got: unknown }> = {};
  try {
    const left = [...recorded];
    const work = async (): Promise<void> => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const got = comparable(
          await exchange(host.port, one.request, { method: one.method }),
          one.body === null,
        );
        const expected = comparable(
          { ...one, body: one.body ?? 'x'.repeat(one.bodyBytes) },
          one.body === null,
        );
        if (JSON.stringify(got) !== JSON.stringify(expected)) differing[one.name] = { expected, got };
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
  } finally {
    await host.stop();
  }
  expect(Object.keys(differing), JSON.stringify(differing, null, 1)).toEqual(Object.keys(known));
});

/** What is compared: all but who answers, and when. */
function comparable({ interim, status, headers, body, closes }: RawResponse, byLength: boolean): object {
  const compared = headers.filter(([name]) => !['Date', 'Server'].includes(name));
  return { interim, status, headers: compared, body: byLength ? body.length : body, closes };
}
