// What `npm start` prints when everything is up. Used by start.ts.

import { onDemand, warmPrefix } from '../dataset/dataset.ts';
import type { AnyStack } from '../stack.ts';
import type { LocalStorage } from '../storage.ts';
import { originContainer } from './seed.ts';

export interface Running {
  readonly hostUrl: string;
  readonly stack: AnyStack;
  readonly storage: LocalStorage;
  readonly blobs: number;
  readonly tokenLifetimeMs: number;
}

/** The addresses of all parts, and commands that show what they do. */
export function guideTo({ hostUrl: url, stack, storage, blobs, tokenLifetimeMs }: Running): string {
  const minutes = tokenLifetimeMs / 60_000;
  const lifetime = minutes >= 1 ? `${minutes} min` : `${tokenLifetimeMs / 1000} s`;
  const cache = `${url}/api/cache`;
  return `
Functions host      ${url}    (no function keys are asked for, as with Core Tools)
Redis, Entra rules  rediss://localhost:${stack.front.port}    (tokens only; there is no password)
Identity endpoint   ${stack.identity.url}    (tokens live ${lifetime})
Blob storage        ${storage.blobUrl}/${originContainer}    (tokens only; ${blobs} blobs of Unicode CLDR data)

Try, in another shell. Cache-Status says where an answer comes from:
  curl -i ${cache}/${warmPrefix}plurals/de.json
      hit: the warmup has loaded it; so it has ${warmPrefix}calendars/ja.svg, for a browser
  curl -i ${cache}/${onDemand.languages}
      fwd=miss the first time, for it is not in the warm set; hit from then on
  curl -i ${cache}/${onDemand.shortLived}; sleep 3; curl -i ${cache}/${onDemand.shortLived}
      fwd=miss, then hit with detail=stale: it is fresh for 2 s, and renewed by whoever asks after that
  curl -i ${cache}/no/such/blob
      404: the cache and the container were asked
  curl -i -X PUT --data-binary 'any bytes' '${cache}/mine?ttl=60'
  curl -i ${cache}/mine
  curl -s -X POST -d '{"keys":["hello","images/pixel.png","plain","absent"]}' ${url}/api/batch
  curl -i ${url}/api/health/ready
  curl -s ${url}/api/fleet                 (a browser gets a page)
  curl -i -X POST -H 'Content-Type: application/json' -d '{"input":""}' ${url}/admin/functions/scheduledWarmup
  curl -i -X POST -H 'Content-Type: application/json' -d '{"input":""}' ${url}/admin/functions/reauthenticate
`;
}
