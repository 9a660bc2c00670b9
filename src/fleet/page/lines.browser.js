// The geometry of lines and bars, and the lines beside the numbers of an instance.

import { setAttribute, svgElement } from './format.browser.js';

export const hourMs = 3_600_000;
const sparkSize = { left: 2, right: 82, top: 3, bottom: 21 };

/** The line beside a number of an instance: it fills what it is given. */
export function makeSparkline(title, format) {
  const picture = svgElement('svg', { class: 'spark-line', viewBox: '0 0 84 24', role: 'img' });
  const path = svgElement('path', { class: 'series' });
  picture.append(path);
  return {
    picture,
    /** @param values `{ atMs, value }`, the oldest first. */
    draw(values, endMs, max) {
      const top = max ?? Math.max(0, ...values.map(({ value }) => value ?? 0));
      const { left, right, top: upper, bottom } = sparkSize;
      const points = values.map(({ atMs, value }) => ({
        x: scale(atMs, endMs - hourMs, endMs, left, right),
        y: orNull(value, (known) => scale(known, 0, top || 1, bottom, upper)),
        atMs,
      }));
      setAttribute(path, 'd', line(points));
      const range = rangeOf(
        values.map(({ value }) => value),
        format,
      );
      setAttribute(picture, 'aria-label', `${title}, the last hour: ${range}`);
    },
  };
}

export function rangeOf(values, format) {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return 'nothing';
  return `${format(Math.min(...known))} to ${format(Math.max(...known))}, last ${format(known.at(-1))}`;
}

/** Broken where something is missing between two points. */
export function line(points) {
  const gaps = points.slice(1).map(({ atMs }, index) => atMs - points[index].atMs);
  const usualMs = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  let before;
  const parts = points.map((point, index) => {
    const { x, y, atMs } = point;
    if (y === null) {
      before = undefined;
      return '';
    }
    const goesOn = before !== undefined && atMs - before.atMs <= usualMs * 2.5;
    before = point;
    // One that stands alone is a dot.
    const isAlone = !goesOn && (points[index + 1]?.y ?? null) === null;
    return `${goesOn ? 'L' : 'M'}${rounded(x)} ${rounded(y)}${isAlone ? 'h0' : ''}`;
  });
  return parts.join('');
}

/** Failures are narrower, so that it is not the colour alone that tells them apart. */
export function bars(points, { left, right, bottom }, isNarrow) {
  const width = ((right - left) / 61) * (isNarrow ? 0.4 : 0.8);
  return points
    .filter(({ y }) => y !== null && y < bottom)
    .map(
      ({ x, y }) =>
        `M${rounded(x - width / 2)} ${rounded(y)}h${rounded(width)}V${bottom}h${rounded(-width)}z`,
    )
    .join('');
}

export const orNull = (value, of) => (value === null ? null : of(value));
export const scale = (value, from, to, low, high) => low + ((value - from) / (to - from)) * (high - low);
const rounded = (value) => Math.round(value * 100) / 100;

/** The next round number with a round half; at least 1. */
export function niceMax(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? 1;
}
