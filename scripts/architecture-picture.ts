// The picture of what is deployed, docs/architecture.svg, from the boxes and arrows below.
// `node_modules/.bin/node scripts/architecture-picture.ts` writes it; a test holds the file to this source.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly lines?: readonly string[];
  /** `group`: holds others; `copies`: drawn as one of several. */
  readonly kind?: 'group' | 'copies';
}

interface Arrow {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  readonly label: readonly string[];
  /** Where the label's middle is; beside a vertical arrow unless said otherwise. */
  readonly labelAt: readonly [x: number, y: number];
  readonly both?: boolean;
}

const width = 980;
const height = 470;

export const boxes: readonly Box[] = [
  { x: 224, y: 16, width: 740, height: 438, title: 'One resource group; private if you ask', kind: 'group' },
  { x: 248, y: 56, width: 300, height: 268, title: 'Function App (Flex Consumption)', kind: 'group' },
  { x: 16, y: 112, width: 132, height: 72, title: 'Callers', lines: ['function key'] },
  {
    x: 268,
    y: 96,
    width: 250,
    height: 92,
    title: 'HTTP functions',
    lines: ['read, write, remove, batch,', 'fleet page, probes'],
    kind: 'copies',
  },
  {
    x: 268,
    y: 220,
    width: 260,
    height: 84,
    title: 'Timers',
    lines: ['reauthenticate: the roll call', 'scheduledWarmup'],
  },
  {
    x: 704,
    y: 88,
    width: 236,
    height: 96,
    title: 'Azure Managed Redis',
    lines: ['entries, the fleet, Pub/Sub', 'TLS; tokens only, no keys'],
  },
  {
    x: 704,
    y: 228,
    width: 236,
    height: 68,
    title: 'Origin',
    lines: ['blobs or an HTTP service'],
  },
  {
    x: 248,
    y: 372,
    width: 300,
    height: 66,
    title: 'Managed identity, Entra ID',
    lines: ['one token, renewed before its end'],
  },
  {
    x: 704,
    y: 372,
    width: 236,
    height: 66,
    title: 'Application Insights',
    lines: ['logs, alerts, a workbook'],
  },
];

export const arrows: readonly Arrow[] = [
  { from: [148, 148], to: [266, 148], label: ['HTTPS'], labelAt: [186, 140] },
  { from: [530, 128], to: [702, 128], label: ['commands;', 'AUTH at each renewal'], labelAt: [628, 104] },
  { from: [528, 238], to: [702, 172], label: ['roll call'], labelAt: [630, 184], both: true },
  { from: [550, 266], to: [702, 266], label: ['misses, warmup'], labelAt: [628, 284] },
  { from: [398, 370], to: [398, 326], label: ['token'], labelAt: [428, 352] },
  { from: [548, 310], to: [702, 392], label: ['telemetry'], labelAt: [658, 340] },
];

/** Light, and dark where the reader's browser asks for it; on a ground of its own, so that it is legible anywhere. */
const style = `
  svg { --ground: #ffffff; --box: #f3f6fb; --line: #5b6b82; --text: #1b2430; --soft: #47556b; --accent: #0b63b8; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #11161d; --box: #1d2632; --line: #8fa1bb; --text: #eef3fa; --soft: #b9c6d8; --accent: #6cb6ff; }
  }
  .ground { fill: var(--ground); }
  rect { fill: var(--box); stroke: var(--line); stroke-width: 1.25; }
  .group { fill: none; stroke-dasharray: 5 4; }
  .ground, .arrowhead { stroke: none; }
  path { fill: none; stroke: var(--accent); stroke-width: 1.75; }
  .arrowhead { fill: var(--accent); }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--soft); }
  .title { font-weight: 600; font-size: 14px; fill: var(--text); }
  .label { fill: var(--text); font-size: 12px; text-anchor: middle; }`;

export function architecturePicture(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">Callers reach the HTTP functions of a Function App; every instance and the timers use Azure Managed Redis with the managed identity's token, fill misses from an origin, and send telemetry to Application Insights.</title>
<style>${style}
</style>
<defs>
  <marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
    <path class="arrowhead" d="M0 0 10 5 0 10z"/>
  </marker>
</defs>
<rect class="ground" width="${width}" height="${height}" rx="10"/>
${[...boxes.flatMap(drawBox), ...arrows.flatMap(drawArrow)].join('\n')}
</svg>
`;
}

function drawBox({ x, y, width: w, height: h, title, lines = [], kind }: Box): readonly string[] {
  const rect = (offset: number, more = ''): string =>
    `<rect${more} x="${x + offset}" y="${y + offset}" width="${w}" height="${h}" rx="8"/>`;
  if (kind === 'group') return [rect(0, ' class="group"'), text('title', x + 14, y + 24, title)];
  const copies = kind === 'copies' ? [rect(10), rect(5)] : [];
  return [
    ...copies,
    rect(0),
    text('title', x + 14, y + 26, title),
    ...lines.map((line, index) => text('', x + 14, y + 48 + index * 20, line)),
  ];
}

function drawArrow({ from, to, label, labelAt: [x, y], both = false }: Arrow): readonly string[] {
  const start = both ? ' marker-start="url(#end)"' : '';
  return [
    `<path d="M${from.join(' ')} ${to.join(' ')}" marker-end="url(#end)"${start}/>`,
    ...label.map((line, index) => text('label', x, y + index * 15, line)),
  ];
}

function text(kind: string, x: number, y: number, content: string): string {
  return `<text${kind === '' ? '' : ` class="${kind}"`} x="${x}" y="${y}">${content}</text>`;
}

if (import.meta.main)
  await writeFile(join(import.meta.dirname, '../docs/architecture.svg'), architecturePicture());
