// Charts of the last hour as SVG, each in a figure with a caption and the same numbers as a table.

import {
  clockTime,
  count,
  element,
  orDash,
  latency,
  percent,
  setAttribute,
  setText,
  svgElement,
} from './format.browser.js';
import { bars, hourMs, line, niceMax, orNull, rangeOf, scale } from './lines.browser.js';

const minuteMs = 60_000;
const size = { width: 340, height: 150, left: 46, right: 334, top: 8, bottom: 128 };

const percentOfAxis = (ratio) => `${ratio * 100} %`;
const latencyOfAxis = (ms) => `${ms} ms`;

/** The three charts: what each of their series is of a minute, or of the hour. */
const charts = [
  {
    title: 'Hit ratio',
    format: percent,
    axis: percentOfAxis,
    max: 1,
    series: [{ name: 'Hit ratio', of: (one) => one.hitRatio }],
    columns: [{ name: 'Reads', format: count, of: readsOf }],
    said: (totals) => `${orDash(totals.hitRatio, percent)} of ${count(readsOf(totals))} reads`,
  },
  {
    title: 'Latency',
    format: latency,
    axis: latencyOfAxis,
    series: [
      { name: 'p95', of: (one) => one.latencyMs.request?.p95 ?? null },
      { name: 'p50', className: 'other', of: (one) => one.latencyMs.request?.p50 ?? null },
    ],
    columns: [],
    said: ({ latencyMs: { request } }) =>
      request ? `p50 ${latency(request.p50)}, p95 ${latency(request.p95)}` : '-',
  },
  {
    title: 'Loads',
    format: count,
    axis: count,
    series: [
      { name: 'Loads', className: 'bars', of: (one) => one.loads },
      { name: 'Failed', className: 'bars failures', of: (one) => one.loadsFailed },
    ],
    columns: [],
    said: ({ loads, loadsFailed }) => `${count(loads)}, ${count(loadsFailed)} failed`,
  },
];

function readsOf({ reads }) {
  return Object.values(reads).reduce((sum, one) => sum + one, 0);
}

/** Returns how to draw them with what the API says now. */
export function makeCharts(parent) {
  const draws = charts.map((chart, index) => makeChart(parent, chart, `chart-${index}`));
  return (data) => {
    for (const draw of draws) draw(data);
  };
}

function makeChart(parent, chart, id) {
  const figure = element('figure');
  const caption = element('figcaption');
  const said = element('span');
  caption.append(element('h3', chart.title), said);
  const picture = svgElement('svg', {
    class: 'chart',
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: 'img',
  });
  const grid = svgElement('g');
  const lines = chart.series.map(({ className = '' }) =>
    svgElement('path', { class: `series ${className}` }),
  );
  picture.append(grid, ...lines);
  const table = makeTable(chart, id);
  figure.append(caption, legendOf(chart), picture, table.details);
  parent.append(figure);
  return ({ now, minutes, totals }) => {
    const endMs = Math.floor(Date.parse(now) / minuteMs) * minuteMs + minuteMs;
    const values = chart.series.map(({ of }) => minutes.map(of));
    const max = chart.max ?? niceMax(Math.max(0, ...values.flat().map((value) => value ?? 0)));
    const text = chart.said(totals);
    setText(said, text);
    setAttribute(picture, 'aria-label', labelOf(chart, values, text));
    drawGrid(grid, chart, max, minutes.length === 0);
    for (const [index, { className = '' }] of chart.series.entries()) {
      const points = minutes.map(({ at }, minute) => ({
        x: scale(Date.parse(at) + minuteMs / 2, endMs - hourMs - minuteMs, endMs, size.left, size.right),
        y: orNull(values[index][minute], (value) => scale(value, 0, max, size.bottom, size.top)),
        atMs: Date.parse(at),
      }));
      const isFailures = className.includes('failures');
      setAttribute(
        lines[index],
        'd',
        className.includes('bars') ? bars(points, size, isFailures) : line(points),
      );
    }
    table.draw(minutes);
  };
}

function labelOf({ title, format, series }, values, said) {
  const ranges = series.map(({ name }, index) => `${name} ${rangeOf(values[index], format)}`);
  return `${title} of each minute, the last hour: ${ranges.join('; ')}. Together: ${said}.`;
}

/** Where there is one series, the title says what it is. */
function legendOf({ series }) {
  const legend = element('ul', undefined, 'legend');
  for (const { name, className = '' } of series.length > 1 ? series : []) {
    const item = element('li');
    const sample = svgElement('svg', { viewBox: '0 0 24 8', 'aria-hidden': 'true' });
    sample.append(
      svgElement('path', {
        class: `series ${className}`,
        d: className.includes('bars') ? 'M2 0h20v8h-20z' : 'M2 4H22',
      }),
    );
    item.append(sample, name);
    legend.append(item);
  }
  return legend;
}

/** Filled when it is opened. */
function makeTable({ title, format, series, columns }, id) {
  const details = element('details');
  const region = element('div', undefined, 'scroll');
  for (const [name, value] of [
    ['tabindex', '0'],
    ['role', 'region'],
    ['aria-label', `${title}, by minute`],
  ])
    region.setAttribute(name, value);
  const table = element('table');
  table.id = id;
  const all = [...series.map((one) => ({ ...one, format })), ...columns];
  const head = element('tr');
  for (const name of ['Reported at', ...all.map((one) => one.name)]) {
    const cell = element('th', name);
    cell.scope = 'col';
    head.append(cell);
  }
  const header = element('thead');
  header.append(head);
  const body = element('tbody');
  table.append(header, body);
  region.append(table);
  details.append(element('summary', 'As a table'), region);
  let minutes = [];
  let drawn = '';
  const draw = () => {
    const state = JSON.stringify(minutes.map((one) => [one.at, ...all.map(({ of }) => of(one))]));
    if (!details.open || state === drawn) return;
    drawn = state;
    body.replaceChildren(
      ...minutes.toReversed().map((one) => {
        const row = element('tr');
        row.append(
          element('td', clockTime(one.at)),
          ...all.map(({ of, format: show }) => element('td', orDash(of(one), show))),
        );
        return row;
      }),
    );
  };
  details.addEventListener('toggle', draw);
  return {
    details,
    draw(latest) {
      minutes = latest;
      draw();
    },
  };
}

function drawGrid(grid, { axis }, max, isEmpty) {
  const state = `${max} ${isEmpty}`;
  if (grid.dataset.state === state) return;
  grid.dataset.state = state;
  const { left, right, top, bottom, width } = size;
  const middle = (left + right) / 2;
  const levels = [0, max / 2, max].flatMap((value) => {
    const y = scale(value, 0, max, bottom, top);
    return [
      svgElement('line', { class: 'grid', x1: left, x2: right, y1: y, y2: y, 'data-value': value }),
      svgElement('text', { class: 'y', x: left - 6, y: y + 4 }, axis(value)),
    ];
  });
  const times = [
    ['60 min ago', left + 26],
    ['30 min', middle],
    ['now', right - 10],
  ].map(([text, x]) => svgElement('text', { class: 'x', x, y: bottom + 16 }, text));
  const nothing = isEmpty
    ? [
        svgElement(
          'text',
          { class: 'x', x: (left + width) / 2, y: 72 },
          'Nothing was counted in the last hour.',
        ),
      ]
    : [];
  grid.replaceChildren(...levels, ...times, ...nothing);
}
