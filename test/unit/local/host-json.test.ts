// What the local host takes from host.json: the timeout, the route prefix, and which log lines are kept.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHostJson, type HostJson } from '../../../local/functions-host/host-json.ts';
import { consoleRecords, logFilter } from '../../../local/functions-host/log-filter.ts';
import { parseTimeSpan } from '../../../local/functions-host/time-span.ts';

async function read(hostJson: object, settings: Readonly<Record<string, string>> = {}): Promise<HostJson> {
  const directory = await mkdtemp(join(tmpdir(), 'host-json-'));
  try {
    await writeFile(join(directory, 'host.json'), JSON.stringify(hostJson));
    return await readHostJson(directory, settings);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('host.json', () => {
  it('has defaults', async () => {
    const { routePrefix, functionTimeoutMs, isLogged } = await read({ version: '2.0' });
    expect([routePrefix, functionTimeoutMs]).toEqual(['api', 1_800_000]);
    expect([isLogged('Any', 'information'), isLogged('Any', 'debug')]).toEqual([true, false]);
  });

  it('is overridden by settings, regardless of case', async () => {
    const { functionTimeoutMs, routePrefix, isLogged } = await read(
      {
        functionTimeout: '00:05:00',
        extensions: { http: { routePrefix: '' } },
        logging: { logLevel: { default: 'Error' } },
      },
      {
        AzureFunctionsJobHost__FunctionTimeout: '00:00:20',
        AzureFunctionsJobHost__logging__LogLevel__Default: 'Trace',
      },
    );
    expect([functionTimeoutMs, routePrefix, isLogged('Any', 'trace')]).toEqual([20_000, '', true]);
  });

  it('may say that there is no timeout', async () => {
    expect((await read({ functionTimeout: '-1' })).functionTimeoutMs).toBe(Number.POSITIVE_INFINITY);
    await expect(read({ functionTimeout: 'soon' })).rejects.toThrow('functionTimeout "soon" is no TimeSpan');
    await expect(read({ logging: { logLevel: { default: 'Loud' } } })).rejects.toThrow(
      '"Loud" is no log level',
    );
  });
});

it.each([
  ['00:05:00', 300_000],
  ['1.00:00:00', 86_400_000],
  ['1:00', 3_600_000],
  ['00:00:01.5', 1500],
  ['-00:00:01', -1000],
  ['2', 172_800_000],
  ['-1', -86_400_000],
  ['0 * * * * *', undefined],
  ['00:60:00', undefined],
  ['', undefined],
])('the TimeSpan %j', (text, milliseconds) => {
  expect(parseTimeSpan(text)).toBe(milliseconds);
});

it('the longest category that begins a line’s own decides', () => {
  const isLogged = logFilter([
    ['default', 'Warning'],
    ['Function', 'Information'],
    ['Function.quiet', 'None'],
  ]);
  expect(isLogged('Host.Startup', 'information')).toBe(false);
  expect(isLogged('Function.one.User', 'information')).toBe(true);
  expect(isLogged('function.QUIET.User', 'critical')).toBe(false);
  expect(isLogged('Function.one', 'none')).toBe(false);
});

it('console output is one record a line, at the level that its text suggests', () => {
  expect(consoleRecords('stdout', 'an error\n\nfine')).toEqual([
    { level: 'information', message: 'an error' },
    { level: 'information', message: 'fine' },
  ]);
  const levels = consoleRecords('stderr', 'a Warning: it failed\r\nit Failed\nUnhandled exception\nhello');
  expect(levels.map(({ level }) => level)).toEqual(['warning', 'error', 'error', 'information']);
});
