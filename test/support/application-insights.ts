// The ingestion endpoint of Application Insights, which exporters send to, as far as a test needs it: it takes all and
// keeps it. What it gets becomes rows of the tables that the queries in infra/ are about.
// https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { CertificateAndKey } from '../../local/pem.ts';

export interface Envelope {
  /** `Microsoft.ApplicationInsights.RemoteDependency`, for one. */
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly sampleRate?: number;
  readonly data: { readonly baseType: string; readonly baseData: Readonly<Record<string, unknown>> };
}

export interface ApplicationInsights extends AsyncDisposable {
  readonly connectionString: string;
  readonly envelopes: readonly Envelope[];
}

export async function startApplicationInsights(certificate: CertificateAndKey): Promise<ApplicationInsights> {
  const envelopes: Envelope[] = [];
  const { certificatePem: cert, keyPem: key } = certificate;
  const server = createServer({ cert, key }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const received = text.length === 0 ? [] : (JSON.parse(text.toString()) as Envelope[]);
      envelopes.push(...received);
      response.writeHead(200, { 'Content-Type': 'application/json' });
      const count = received.length;
      response.end(JSON.stringify({ itemsReceived: count, itemsAccepted: count, errors: [] }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    connectionString: `InstrumentationKey=11111111-1111-1111-1111-111111111111;IngestionEndpoint=https://localhost:${port}/`,
    envelopes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
