// The fleet page: one self-contained document that reads /api/fleet as JSON and draws it. Used by functions/fleet.ts.
// Holds no data itself. Everything shown is set as text, never as markup.

/** @param nonce of the Content-Security-Policy that goes with it. */
export function fleetPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fleet</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${style}</style>
</head>
<body>
<header>
  <h1>Fleet</h1>
  <p id="summary" role="status">Loading …</p>
</header>
<main>
  <section aria-labelledby="instances-title">
    <h2 id="instances-title">Instances</h2>
    <ul id="instances"></ul>
  </section>
  <section aria-labelledby="roll-calls-title">
    <h2 id="roll-calls-title">Roll calls</h2>
    <p id="next"></p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="roll-calls-title">
      <table>
        <thead><tr><th scope="col">At</th><th scope="col">Answered</th><th scope="col">Rotated</th><th scope="col">Failed</th><th scope="col">Silent</th><th scope="col">Shortest life</th></tr></thead>
        <tbody id="roll-calls"></tbody>
      </table>
    </div>
  </section>
</main>
<noscript><p>This page needs JavaScript; <code>curl</code> gets the same as JSON.</p></noscript>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #1b1f24; --faint: #5a6572; --line: #dfe3e8; --good: #17795e; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1d2125; --ink: #e8ebee; --faint: #9aa5b1; --line: #30363c; --good: #5cc9a7; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 3rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 2rem 0 .75rem; font-size: 1.1rem; }
p { margin: .25rem 0; color: var(--faint); } #summary.bad { color: var(--bad); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }
li { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; min-width: 0; }
li.silent { border-color: var(--bad); }
.name { display: flex; gap: .5rem; justify-content: space-between; font-weight: 600; overflow-wrap: anywhere; }
.status { color: var(--good); font-weight: 500; flex: none; } .silent .status, .failed { color: var(--bad); }
progress { display: block; width: 100%; height: .6rem; margin: .75rem 0 .25rem; accent-color: var(--good); }
.silent progress { accent-color: var(--bad); }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .75rem; margin: .75rem 0 0; font-size: .9rem; }
dt { color: var(--faint); } dt { white-space: nowrap; } dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); }
.scroll:focus-visible { outline: 2px solid var(--good); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .45rem .75rem; border-top: 1px solid var(--line); white-space: nowrap; }
th { border-top: 0; color: var(--faint); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
`;

const script = `
'use strict';
const byId = (id) => document.getElementById(id);
let data; let fetchedAt = 0;

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};
const moment = (iso) => new Date(iso).toLocaleString([], { dateStyle: 'short', timeStyle: 'medium' });
const time = (iso) => (iso ? new Date(iso).toLocaleTimeString() : '-');
const duration = (seconds) => {
  if (seconds === null) return '-';
  const s = Math.max(0, Math.floor(seconds));
  if (s < 120) return s + ' s';
  if (s < 7200) return Math.floor(s / 60) + ' min';
  return Math.floor(s / 3600) + ' h ' + Math.floor((s % 3600) / 60) + ' min';
};

function drawInstances(passed) {
  byId('instances').replaceChildren(...data.instances.map((one) => {
    const left = one.tokenSecondsLeft === null ? null : Math.max(0, one.tokenSecondsLeft - passed);
    const life = one.tokenExpiresAt && one.lastRotationAt ? (Date.parse(one.tokenExpiresAt) - Date.parse(one.lastRotationAt)) / 1000 : 0;
    const card = element('li', undefined, one.status);
    const name = element('div', undefined, 'name');
    name.append(element('span', one.id), element('span', one.status, 'status'));
    const bar = element('progress');
    bar.max = Math.max(life, 1); bar.value = Math.min(left ?? 0, bar.max);
    bar.setAttribute('aria-label', 'Remaining life of the token');
    const facts = element('dl');
    const fact = (term, value, className) => facts.append(element('dt', term), element('dd', value, className));
    const ago = (Date.parse(data.now) - Date.parse(one.reportedAt)) / 1000 + passed;
    fact('Token', left === null ? 'none' : left > 0 ? duration(left) + ' left' : 'ended since the report');
    fact('Reported', duration(ago) + ' ago');
    fact('Last rotation', time(one.lastRotationAt));
    fact('Connections', String(one.connections));
    fact('Reads, last report', String(one.reads));
    fact('Started', moment(one.startedAt));
    fact('Version', one.version);
    if (one.region) fact('Region', one.region);
    if (one.host) fact('Host', one.host);
    if (one.failure) fact('Failure', one.failure, 'failed');
    card.append(name, bar, facts);
    return card;
  }));
}

function drawRollCalls() {
  byId('roll-calls').replaceChildren(...data.rollCalls.map((call) => {
    const row = element('tr');
    const silent = call.silentInstances.length === 0 ? '0' : call.silent + ': ' + call.silentInstances.join(', ');
    row.append(
      element('td', moment(call.at)),
      element('td', call.answered + ' of ' + call.expected),
      element('td', String(call.rotated)),
      element('td', String(call.failed), call.failed > 0 ? 'failed' : ''),
      element('td', silent, call.silent > 0 ? 'failed' : ''),
      element('td', duration(call.shortestSecondsLeft)),
    );
    return row;
  }));
}

function draw() {
  if (!data) return;
  const passed = (performance.now() - fetchedAt) / 1000;
  drawInstances(passed);
  const seconds = data.nextRollCallAt ? (Date.parse(data.nextRollCallAt) - Date.parse(data.now)) / 1000 - passed : null;
  byId('next').textContent = seconds === null ? 'The schedule has no roll call.'
    : seconds > 0 ? 'Next in ' + duration(seconds) + '.' : 'The next is due.';
}

async function refresh() {
  const summary = byId('summary');
  try {
    const response = await fetch(location.href, { headers: { Accept: 'application/json' }, cache: 'no-store' });
    if (!response.ok) throw new Error(response.status === 503 ? 'The cache cannot be asked at the moment.' : 'The app answered ' + response.status + '.');
    data = await response.json();
    fetchedAt = performance.now();
    const silent = data.instances.filter((one) => one.status === 'silent').length;
    const text = data.instances.length + ' instance' + (data.instances.length === 1 ? '' : 's') + (silent ? ', ' + silent + ' silent' : ', all answering');
    if (summary.textContent !== text) summary.textContent = text;
    summary.className = silent ? 'bad' : '';
    drawRollCalls();
    draw();
  } catch (error) {
    summary.textContent = error.message + ' What is below is from before.';
    summary.className = 'bad';
  }
}

setInterval(draw, 1000);
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
refresh();
`;
