// Asks for the fleet as JSON, again and again, and draws it.

import { makeCharts } from './charts.browser.js';
import { byId, duration, element, moment, setText } from './format.browser.js';
import { makeInstances } from './instances.browser.js';

const drawCharts = makeCharts(byId('charts'));
const instances = makeInstances(byId('instances'));
const minRefreshMs = 2000;
/** A large fleet is a large answer: 400 instances are asked for every 8 s. */
const refreshMsEach = 20;

let data;
let fetchedAt = 0;
let lastRollCall;
let timer;

function drawRollCalls() {
  const [latest] = data.rollCalls;
  if (latest?.id === lastRollCall) return;
  lastRollCall = latest?.id;
  byId('roll-calls').replaceChildren(
    ...data.rollCalls.map((call) => {
      const row = element('tr');
      const silent =
        call.silentInstances.length === 0 ? '0' : `${call.silent}: ${call.silentInstances.join(', ')}`;
      row.append(
        element('td', moment(call.at)),
        element('td', `${call.answered} of ${call.expected}`),
        element('td', String(call.rotated)),
        element('td', String(call.failed), call.failed > 0 ? 'failed' : ''),
        element('td', silent, call.silent > 0 ? 'failed' : ''),
        element('td', duration(call.shortestSecondsLeft)),
      );
      return row;
    }),
  );
}

function tick() {
  if (!data || document.hidden) return;
  const passed = (performance.now() - fetchedAt) / 1000;
  instances.tick(data, passed);
  setText(byId('next'), nextText(passed));
}

function nextText(passed) {
  if (!data.nextRollCallAt) return 'The schedule has no roll call.';
  const seconds = (Date.parse(data.nextRollCallAt) - Date.parse(data.now)) / 1000 - passed;
  return seconds > 0 ? `Next in ${duration(seconds)}.` : 'The next is due.';
}

function drawSummary() {
  const summary = byId('summary');
  const silent = data.instances.filter((one) => one.status === 'silent').length;
  const { length } = data.instances;
  setText(
    summary,
    `${length} instance${length === 1 ? '' : 's'}, ${silent ? `${silent} silent` : 'all answering'}`,
  );
  summary.className = silent ? 'bad' : '';
}

async function refresh() {
  clearTimeout(timer);
  try {
    const response = await fetch(location.href, {
      headers: { Accept: 'application/json' },
      cache: 'no-store',
    });
    if (response.status === 503) throw new Error('The cache cannot be asked at the moment.');
    if (!response.ok) throw new Error(`The app answered ${response.status}.`);
    data = await response.json();
    fetchedAt = performance.now();
    drawSummary();
    drawCharts(data);
    instances.draw(data);
    drawRollCalls();
    tick();
    byId('main').hidden = false;
  } catch (error) {
    const summary = byId('summary');
    setText(summary, `${error.message}${data ? ' What is below is from before.' : ''}`);
    summary.className = 'bad';
  }
  clearTimeout(timer);
  timer = setTimeout(refreshIfSeen, Math.max(minRefreshMs, refreshMsEach * (data?.instances.length ?? 0)));
}

function refreshIfSeen() {
  if (!document.hidden) void refresh();
}

setInterval(tick, 1000);
document.addEventListener('visibilitychange', refreshIfSeen);
void refresh();
