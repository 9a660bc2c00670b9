// The table of instances. Rows stay, and what changed is changed in them: a fleet may have hundreds.

import {
  bytes,
  clockTime,
  count,
  duration,
  element,
  latency,
  orDash,
  percent,
  setText,
  shortMoment,
} from './format.browser.js';
import { makeSparkline } from './lines.browser.js';

const sparks = [
  {
    title: 'Hit ratio',
    format: percent,
    max: 1,
    of: (point) => point.hitRatio,
    now: (measures) => measures.hitRatio,
  },
  {
    title: 'Latency, 95th percentile',
    format: latency,
    of: (point) => point.p95Ms,
    now: (measures) => measures.latencyMs.request?.p95,
  },
  { title: 'Loads', format: count, of: (point) => point.loads, now: (measures) => measures.loads },
];

/** Returns how to draw what the API says, and what passes with time. */
export function makeInstances(body) {
  let rows = new Map();
  let shown;
  return {
    draw(data) {
      rows = new Map(data.instances.map((one) => [one.id, rows.get(one.id) ?? makeRow(one)]));
      for (const one of data.instances) rows.get(one.id).draw(one);
      const order = [...rows.keys()].join();
      if (order === shown) return;
      shown = order;
      body.replaceChildren(...(rows.size === 0 ? [emptyRow()] : [...rows.values()].map(({ row }) => row)));
    },
    /** @param passed seconds since the API was asked. */
    tick(data, passed) {
      for (const one of data.instances)
        rows.get(one.id)?.tick(one, Date.parse(data.now) / 1000 + passed, passed);
    },
  };
}

function emptyRow() {
  const row = element('tr');
  const cell = element('td', 'No instance has reported.');
  cell.colSpan = 9;
  row.append(cell);
  return row;
}

function makeRow({ id }) {
  const row = element('tr');
  const name = element('th');
  name.scope = 'row';
  const status = element('span', undefined, 'status');
  const facts = element('span', undefined, 'facts');
  const failure = element('span', undefined, 'facts failed');
  name.append(id, status, facts, failure);
  const token = element('td');
  const bar = element('progress');
  bar.setAttribute('aria-label', 'Remaining life of the token');
  const left = element('span');
  const rotated = element('span', undefined, 'facts');
  token.append(bar, left, rotated);
  const reported = element('td');
  const lines = sparks.map(({ title, format }) => makeSparkline(title, format));
  const numbers = sparks.map(() => element('span'));
  const cells = sparks.map((_, index) => {
    const cell = element('td');
    cell.append(lines[index].picture, numbers[index]);
    return cell;
  });
  const reads = element('td');
  const entries = element('span');
  const size = element('span', undefined, 'facts');
  const memory = element('td');
  memory.append(entries, size);
  const connections = element('td');
  row.append(name, token, reported, ...cells, reads, memory, connections);
  let drawn = '';
  return {
    row,
    draw(one) {
      const state = `${one.reportedAt} ${one.status}`;
      if (state === drawn) return;
      drawn = state;
      row.className = one.status;
      setText(status, one.status);
      setText(facts, factsOf(one));
      setText(rotated, one.lastRotationAt ? `since ${clockTime(one.lastRotationAt)}` : '');
      setText(failure, one.failure ?? '');
      setText(reads, count(one.reads));
      const kept = one.measures?.memory;
      setText(entries, kept ? count(kept.entries) : '-');
      setText(size, kept ? bytes(kept.bytes) : '');
      setText(connections, count(one.connections));
      for (const [index, { max, of, format, now }] of sparks.entries()) {
        setText(numbers[index], orDash(one.measures && now(one.measures), format));
        const values = one.history.map((point) => ({ atMs: Date.parse(point.at), value: of(point) }));
        lines[index].draw(values, Date.parse(one.reportedAt), max);
      }
    },
    tick(one, nowSeconds, passed) {
      const seconds = one.tokenSecondsLeft === null ? null : Math.max(0, one.tokenSecondsLeft - passed);
      setText(left, tokenText(seconds));
      setText(reported, `${duration(nowSeconds - Date.parse(one.reportedAt) / 1000)} ago`);
      const max = Math.max(lifeOf(one), 1);
      if (bar.max !== max) bar.max = max;
      const value = Math.round(Math.min(seconds ?? 0, max));
      if (bar.value !== value) bar.value = value;
    },
  };
}

function factsOf({ startedAt, version, region, host }) {
  return [host, region, version, `started ${shortMoment(startedAt)}`].filter(Boolean).join(' · ');
}

function lifeOf({ tokenExpiresAt, lastRotationAt }) {
  return tokenExpiresAt && lastRotationAt
    ? (Date.parse(tokenExpiresAt) - Date.parse(lastRotationAt)) / 1000
    : 0;
}

function tokenText(secondsLeft) {
  if (secondsLeft === null) return 'none';
  return secondsLeft > 0 ? `${duration(secondsLeft)} left` : 'ended since the report';
}
