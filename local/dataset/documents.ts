// Tables and texts -> CSV, HTML and SVG. Used by dataset.ts.
// Knows nothing of locales but what it is given.

import type { Month } from './locale-data.ts';

/** RFC 4180. */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  const field = (value: string | number): string => {
    const text = `${value}`;
    return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

export interface Page {
  readonly locale: string;
  readonly direction: string;
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

export function html({ locale, direction, title, rows }: Page): string {
  const cells = (row: readonly string[]): string => row.map((cell) => `<td>${escape(cell)}</td>`).join('');
  const lines = rows.map((row) => `  <tr>${cells(row)}</tr>\n`).join('');
  return `<!doctype html>
<html lang="${escape(locale)}" dir="${escape(direction)}">
<meta charset="utf-8">
<title>${escape(title)}</title>
<h1>${escape(title)}</h1>
<table>
${lines}</table>
</html>
`;
}

const cell = { width: 64, height: 40 };

/** A calendar leaf of one month. */
export function svg({ title, weekdays, offset, days }: Month, direction: string): string {
  const columns = weekdays.length;
  const width = columns * cell.width;
  const height = (2 + Math.ceil((offset + days.length) / columns)) * cell.height;
  const at = (column: number, row: number, text: string, weight = 'normal'): string => {
    const place = direction === 'rtl' ? columns - 1 - column : column;
    const x = (place + 0.5) * cell.width;
    const y = (row + 0.65) * cell.height;
    return `  <text x="${x}" y="${y}" font-weight="${weight}">${escape(text)}</text>\n`;
  };
  const head = weekdays.map((name, index) => at(index, 1, name, 'bold')).join('');
  const body = days
    .map((day, index) => at((offset + index) % columns, 2 + Math.floor((offset + index) / columns), day))
    .join('');
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" text-anchor="middle" font-family="sans-serif" font-size="14">
  <title>${escape(title)}</title>
  <rect width="${width}" height="${height}" fill="white"/>
  <text x="${width / 2}" y="${0.65 * cell.height}" font-size="18">${escape(title)}</text>
${head}${body}</svg>
`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
