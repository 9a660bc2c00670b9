import { expect, it } from 'vitest';
import { spanContextOf, traceParentOf } from '../../../../src/telemetry/opentelemetry/trace-parent.ts';

const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

it.each([`00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-00`])('reads what it writes: %s', (text) => {
  const read = spanContextOf(text);
  expect(read).toMatchObject({ traceId, spanId, isRemote: true });
  expect(read && traceParentOf(read)).toBe(text);
});

it('reads what later versions add', () => {
  expect(spanContextOf(`01-${traceId}-${spanId}-01-more`)).toMatchObject({ traceId, traceFlags: 1 });
});

it.each([
  undefined,
  '',
  'none',
  `ff-${traceId}-${spanId}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId}-${spanId}`,
])('is none: %s', (text) => {
  expect(spanContextOf(text)).toBeUndefined();
});
