// Workers of the local Functions host: what happens when one crashes, hangs, or writes to its console.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startHost, type Host, type HostOptions } from '../../local/functions-host/host.ts';
import { eventually } from '../support/eventually.ts';

const appDirectory = join(import.meta.dirname, '../fixtures/functions-host');

interface EchoHost extends AsyncDisposable {
  readonly host: Host;
  readonly directory: string;
  fetch(path: string): Promise<Response>;
}

async function startEcho(
  settings: Readonly<Record<string, string>> = {},
  options: Partial<HostOptions> = {},
): Promise<EchoHost> {
  const directory = await mkdtemp(join(tmpdir(), 'functions-host-'));
  const host = await startHost({
    appDirectory,
    settings: { SPAN: '00:05:00', ECHO_LOG: join(directory, 'log'), ...settings },
    timers: false,
    ...options,
  });
  return {
    host,
    directory,
    fetch: async (path) => fetch(new URL(path, host.url)),
    async [Symbol.asyncDispose]() {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

it('answers 500 for what is in flight when a worker crashes; later requests wait for the next one', async () => {
  await using echo = await startEcho();
  const slow = echo.fetch('/api/ret/slow');
  await eventually(() => expect(echo.host.inFlight).toBe(1));
  const crashed = await echo.fetch('/api/ret/exit');
  expect([crashed.status, await crashed.text()]).toEqual([500, '']);
  expect((await slow).status).toBe(500);
  const after = await Promise.all(
    Array.from({ length: 5 }, async () => (await echo.fetch('/api/hello')).status),
  );
  expect(after).toEqual([200, 200, 200, 200, 200]);
  expect(echo.host.crashes).toBe(1);
});

it('shuts down at the third crash', async () => {
  let isShutDown = false;
  await using echo = await startEcho({}, { onShutdown: () => (isShutDown = true) });
  for (let crash = 0; crash < 3; crash += 1)
    expect((await echo.fetch('/api/ret/unhandled')).status).toBe(500);
  await eventually(() => expect(isShutDown).toBe(true));
  await expect(echo.fetch('/api/hello')).rejects.toThrow('fetch failed');
  expect(echo.host.logs()).toContainEqual(
    expect.objectContaining({ level: 'critical', message: expect.stringContaining('Shutting down') }),
  );
});

it('a function that passes functionTimeout is 500 and costs the worker, whose hooks run', async () => {
  await using echo = await startEcho({ AzureFunctionsJobHost__functionTimeout: '00:00:01' });
  const [before] = echo.host.instances;
  const answer = await echo.fetch('/api/ret/timeout');
  expect([answer.status, await answer.text()]).toEqual([500, '']);
  expect((await echo.fetch('/api/hello')).status).toBe(200);
  expect(echo.host.instances[0]?.pid).not.toBe(before?.pid);
  await eventually(async () =>
    expect(await readFile(join(echo.directory, 'log'), 'utf8')).toMatch(/appStart[^]*appTerminate/u),
  );
  expect(echo.host.crashes).toBe(0);
  expect(echo.host.logs().map(({ message }) => message)).toContainEqual(
    expect.stringContaining('Timeout value of'),
  );
});

it('makes one record of each line, at the level that the host guesses, by the levels of host.json', async () => {
  await using echo = await startEcho({ 'AzureFunctionsJobHost__logging__logLevel__Function.ret': 'Warning' });
  await echo.fetch('/api/ret/log');
  await eventually(() =>
    expect(echo.host.logs().some(({ message }) => message === 'second line')).toBe(true),
  );
  const lines = echo.host.logs().map(({ category, level, message }) => `${category} ${level} ${message}`);
  expect(lines).toEqual([
    'Function.ret.User warning warn line',
    'Function.ret.User error error line',
    'Host.Function.Console information console log',
    'Host.Function.Console error console error plain',
    'Host.Function.Console error console Error failed',
    'Host.Function.Console warning console warn',
    'Host.Function.Console information second line',
  ]);
});

it('leaves out a timer whose schedule names a setting that there is not, and says so', async () => {
  await using echo = await startEcho({}, { settings: { ECHO_LOG: '/dev/null' } });
  expect((await echo.fetch('/api/hello')).status).toBe(200);
  const errors = echo.host.logs().filter(({ level }) => level === 'error');
  expect(errors.map(({ message }) => message)).toEqual([
    "The 'span' function is in error: Error: '%SPAN%' does not resolve to a value.",
  ]);
  await expect(echo.host.runTimer('span')).rejects.toThrow('There is no timer function "span".');
});

it('runs at its start what was missed while it was down, as past due', async () => {
  const missed = await mkdtemp(join(tmpdir(), 'functions-host-storage-'));
  try {
    const last = { Last: '2026-01-01T00:00:00+00:00', LastUpdated: '2026-01-01T00:00:00+00:00' };
    await writeFile(
      join(missed, 'minute.status'),
      JSON.stringify({ ...last, Next: '2026-01-01T00:01:00+00:00' }),
    );
    await using echo = await startEcho({}, { timers: true, storageDirectory: missed });
    const run = await eventually(async () => {
      const text = await readFile(join(echo.directory, 'log'), 'utf8');
      return /minute (?<timer>\{.*\}) meta/u.exec(text)?.groups?.['timer'] ?? expect.unreachable();
    });
    expect(JSON.parse(run)).toEqual({
      schedule: { adjustForDST: true },
      scheduleStatus: { last: last.Last, next: '2026-01-01T00:01:00+00:00', lastUpdated: last.LastUpdated },
      isPastDue: true,
    });
    const stored = JSON.parse(await readFile(join(missed, 'minute.status'), 'utf8')) as {
      readonly Last: string;
    };
    expect(Date.now() - Date.parse(stored.Last)).toBeLessThan(60_000);
  } finally {
    await rm(missed, { recursive: true, force: true });
  }
});
