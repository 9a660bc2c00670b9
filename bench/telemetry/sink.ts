// Takes OTLP over HTTP in a process of its own, and counts the spans: what an app sends must not cost the app more than
// sending it. Run by bench/telemetry.ts, which asks for the count by a message.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly requests: number;
  readonly bytes: number;
  readonly spans: number;
}

const received = { requests: 0, bytes: 0, spans: 0 };

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    received.requests += 1;
    received.bytes += body.length;
    // https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
    if (request.url?.endsWith('/v1/traces') === true)
      for (const resourceSpans of fieldsOf(body, 1))
        for (const scopeSpans of fieldsOf(resourceSpans, 2)) received.spans += fieldsOf(scopeSpans, 2).length;
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', () => process.send?.({ ...received } satisfies Received));
process.on('disconnect', () => process.exit());

/** The fields of a protobuf message with this number that have a length. */
function fieldsOf(message: Buffer, wanted: number): readonly Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    const kind = tag & 7;
    if (kind === 0) number();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = number();
      if (Math.floor(tag / 8) === wanted) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
