// When the alerts on logs are raised and when not: their queries, run over what the app would have said.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatEvent } from '../../../src/telemetry/log.ts';
import { runQuery, type Tables } from '../../support/kusto-run.ts';

const infra = join(import.meta.dirname, '../../../infra');
const rules = await readFile(join(infra, 'modules/alerts.bicep'), 'utf8');
const names = [...rules.matchAll(/queries\/([\w-]+)\.kql/gu)].map(([, name]) => name ?? '');
const queries = new Map(
  await Promise.all(
    names.map(async (name) => [name, await readFile(join(infra, 'queries', `${name}.kql`), 'utf8')] as const),
  ),
);

const nowMs = Date.UTC(2026, 0, 1);
type Said = readonly [minutesAgo: number, message: string, instance?: string];

function raised(said: readonly Said[], requests: Tables[string] = []): readonly string[] {
  const traces = said.map(([minutesAgo, message, instance = 'one']) => ({
    timestamp: nowMs - minutesAgo * 60_000,
    message,
    itemCount: 1,
    cloud_RoleInstance: instance,
  }));
  return names.filter((name) => runQuery(queries.get(name) ?? '', { traces, requests }, nowMs).length > 0);
}

function request(
  minutesAgo: number,
  resultCode = '200',
  cloud_RoleInstance = 'one',
  operation_Name = 'readCache',
): Tables[string][number] {
  const timestamp = nowMs - minutesAgo * 60_000;
  return { timestamp, resultCode, cloud_RoleInstance, operation_Name, itemCount: 1 };
}

/** From a time until now, once a minute. */
const everyMinute = (from: number, message: string, until = 0): readonly Said[] =>
  Array.from({ length: from - until }, (_, index) => [from - index, message] as const);

const ready = formatEvent({
  type: 'connectionReady',
  purpose: 'commands',
  connectionId: 1,
  address: 'cache:10000',
  connectMs: 1,
  timeLeftMs: 1,
});
const failed = formatEvent(
  {
    type: 'connectionFailed',
    purpose: 'commands',
    code: 'redis-unavailable',
    reason: 'refused',
    attempt: 1,
    retryInMs: 1,
  },
  'warn',
);
const wrongPolicy = formatEvent({ type: 'clusteringPolicyWrong', reason: 'x' }, 'error');
const originFails = formatEvent({ type: 'originFailing', code: 'origin-failed', reason: '403' }, 'warn');
const originRecovers = formatEvent({ type: 'originRecovered', failedMs: 1, failures: 1 });
const refused = 'commandRefused {"level":"warn","cause":"out-of-memory","command":"EVAL"}';
const rollCallOf = (...silentInstances: string[]): string =>
  formatEvent({
    type: 'rollCallEnded',
    expected: 2,
    answered: 2 - silentInstances.length,
    rotated: 0,
    failed: 0,
    silent: silentInstances.length,
    silentInstances,
    shortestTimeLeftMs: 1,
    measures: null,
  });
const rollCall = rollCallOf();
const unasked = formatEvent({ type: 'rollCallFailed', code: 'redis-unavailable', reason: 'x' }, 'warn');
const unheard = formatEvent({ type: 'rollCallFailed', code: 'command-failed', reason: 'x' }, 'warn');
const omitting = (line: string, omitted: number): string => line.replace(/\}$/u, `,"omitted":${omitted}}`);

it('every alert has a query of its own, and every query of an alert is tried here', async () => {
  const files = await readdir(join(infra, 'queries'));
  expect(names).toHaveLength(7);
  expect(names.filter((name) => !files.includes(`${name}.kql`))).toEqual([]);
});

describe('no alert', () => {
  it('before the app has said anything, and while it starts for the first time', () => {
    expect(raised([])).toEqual([]);
    expect(raised([[8, ready]])).toEqual([]);
    expect(
      raised([
        [8, failed],
        [7, ready],
        [6, rollCall],
        [5, rollCall],
      ]),
    ).toEqual([]);
  });

  it('while all is well', () => {
    const requests = Array.from({ length: 30 }, (_, index) => request(index / 3));
    expect(raised([[120, ready], ...everyMinute(120, rollCall)], requests)).toEqual([]);
  });

  it('for a connection that was lost and made again, or an origin or command that recovered', () => {
    const said: readonly Said[] = [
      [60, ready],
      ...everyMinute(60, rollCall),
      [8, omitting(failed, 9)],
      [7, ready],
      [30, originFails],
      [29, originRecovers],
      [28, refused],
      [27, 'commandAccepted {"cause":"out-of-memory","command":"EVAL"}'],
      [1, originFails],
    ];
    expect(raised(said, [request(1)])).toEqual([]);
  });
});

describe('no roll call', () => {
  it('is raised where roll calls ended, or never came though the app has run for 20 minutes', () => {
    expect(raised([[120, ready], ...everyMinute(120, rollCall, 15)])).toEqual(['no-roll-call']);
    expect(raised([[30, ready]])).toEqual(['no-roll-call']);
  });

  it('leaves it to the other alert where Redis cannot be asked', () => {
    const outage = [...everyMinute(120, rollCall, 15), ...everyMinute(15, unasked)];
    expect(raised(outage)).toEqual(['cache-unreachable']);
    const refusing = [...everyMinute(120, rollCall, 15), ...everyMinute(15, unheard)];
    expect(raised(refusing)).toEqual(['no-roll-call']);
  });
});

describe('the cache is unreachable', () => {
  it('after three failures without a success, those left out of the log included', () => {
    const running = everyMinute(60, rollCall);
    expect(raised([...running, [9, ready], [5, failed], [4, failed]])).toEqual([]);
    expect(raised([...running, [9, ready], [5, failed], [4, failed], [3, failed]])).toEqual([
      'cache-unreachable',
    ]);
    expect(raised([...running, [5, omitting(failed, 2)]])).toEqual(['cache-unreachable']);
    expect(raised([...running, [5, failed], [4, failed, 'two'], [3, failed, 'three']])).toEqual([]);
    const deaf = failed.replace('"commands"', '"subscriptions"');
    expect(raised([...running, [9, ready], [5, deaf], [4, deaf], [3, deaf]])).toEqual([]);
  });

  it('at once where the clustering policy is wrong', () => {
    expect(raised([...everyMinute(60, rollCall), [5, wrongPolicy]])).toEqual(['cache-unreachable']);
  });
});

describe('the origin fails, or Redis refuses commands', () => {
  const running = everyMinute(60, rollCall);

  it('where an instance that serves requests is at it for five minutes', () => {
    expect(raised([...running, [40, originFails]], [request(1)])).toEqual(['origin-failing']);
    expect(raised([...running, [40, refused]], [request(1)])).toEqual(['commands-refused']);
    expect(raised([...running, [40, originFails], [40, refused]], [request(30)])).toEqual([]);
    expect(raised([...running, [40, originFails, 'gone']], [request(1)])).toEqual([]);
    const other = formatEvent({
      type: 'originRecovered',
      failedMs: 1,
      failures: 1,
      origin: 'https://other.example',
    });
    expect(raised([...running, [40, originFails], [30, other]], [request(1)])).toEqual(['origin-failing']);
  });

  it('at once where commands are refused many times', () => {
    expect(raised([...running, [2, omitting(refused, 19)]], [request(1)])).toEqual(['commands-refused']);
    expect(raised([...running, [2, omitting(refused, 18)]], [request(1)])).toEqual([]);
  });
});

it('renewals, silence and errors are raised beyond their thresholds only', () => {
  const running = everyMinute(60, rollCall);
  const renewal = (failedAttempts: number): string =>
    formatEvent(
      { type: 'tokenRenewalFailed', reason: 'x', requestMs: 1, failedAttempts, timeLeftMs: 1 },
      'warn',
    );
  expect(raised([...running, [5, renewal(4)]])).toEqual([]);
  expect(raised([...running, [5, renewal(5)]])).toEqual(['renewals-failing']);
  const silent = rollCallOf('two');
  expect(raised([...running, [5, silent], [4, silent]])).toEqual([]);
  expect(raised([...running, [5, silent], [4, silent], [3, silent]])).toEqual(['silent-instances']);
  // As the host names them without, and with telemetryMode OpenTelemetry.
  for (const name of ['readCache', 'GET api/cache/{*key}', 'POST api/batch']) {
    const answers = (errors: number): Tables[string] =>
      Array.from({ length: 40 }, (_, index) => request(1, index < errors ? '503' : '200', 'one', name));
    expect(raised(running, answers(2))).toEqual([]);
    expect(raised(running, answers(3))).toEqual(['server-errors']);
  }
  const probes = Array.from({ length: 40 }, () => request(1, '503', 'one', 'GET api/health/ready'));
  expect(raised(running, probes)).toEqual([]);
});

it('every alert says what to do, in a name that Azure takes', () => {
  const titles = [...rules.matchAll(/title: '(.+)'/gu)].map(([, title]) => title ?? '');
  const descriptions = [...rules.matchAll(/ {4}description: '(.+)'/gu)].map(([, text]) => text ?? '');
  expect([titles.length, descriptions.length]).toEqual([names.length, names.length]);
  // Not allowed: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftinsights
  for (const title of titles) expect(title).not.toMatch(/[*<>%{}&:\\?/#]/u);
  for (const text of descriptions)
    expect(text).toMatch(/[Cc]heck|[Ll]ook|[Ss]ee |shorten|has what to do|names/u);
});
