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
  /** Whether callers need tokens. */
  readonly entraCallers: boolean;
}

/** What curl sends of who asks. The token is fetched anew each time: it does not live long. */
const bearer = (...roles: readonly string[]): string => {
  const options = roles.length === 0 ? '' : ` -- ${roles.map((role) => `--role ${role}`).join(' ')}`;
  return ` -H "Authorization: Bearer $(npm run -s token${options})"`;
};

/** The addresses of all parts, and commands that show what they do. */
export function guideTo({ hostUrl: url, stack, storage, blobs, ...options }: Running): string {
  const { tokenLifetimeMs, entraCallers } = options;
  const minutes = tokenLifetimeMs / 60_000;
  const lifetime = minutes >= 1 ? `${minutes} min` : `${tokenLifetimeMs / 1000} s`;
  const cache = `${url}/api/cache`;
  const as = (role: string): string => (entraCallers ? bearer(role) : '');
  const [read, write] = [as('Cache.Read'), as('Cache.Write')];
  const asked = entraCallers ? 'callers need a token with a role' : 'no function keys, as with Core Tools';
  return `
Functions host      ${url}    (${asked})
Redis, Entra rules  rediss://localhost:${stack.front.port}    (tokens only; there is no password)
Identity endpoint   ${stack.identity.url}    (tokens live ${lifetime})
Blob storage        ${storage.blobUrl}/${originContainer}    (tokens only; ${blobs} blobs of Unicode CLDR data)
${entraCallers ? callersPart(stack, cache) : ''}
Try, in another shell${entraCallers ? ', in this folder' : ''}. Cache-Status says where an answer comes from:
  curl -i${read} ${cache}/${warmPrefix}plurals/de.json
      hit: the warmup has loaded it; so it has ${warmPrefix}calendars/ja.svg, for a browser
  curl -i${read} ${cache}/${onDemand.languages}
      fwd=miss the first time, for it is not in the warm set; hit from then on
  curl -i${read} ${cache}/${onDemand.shortLived}; sleep 3; curl -i${read} ${cache}/${onDemand.shortLived}
      fwd=miss, then hit with detail=stale: it is fresh for 2 s, and renewed by whoever asks after that
  curl -i${read} ${cache}/no/such/blob
      404: the cache and the container were asked
  curl -i -X PUT${write} --data-binary 'any bytes' '${cache}/mine?ttl=60'
  curl -i${read} ${cache}/mine
  curl -s -X POST${read} -d '{"keys":["hello","images/pixel.png","plain","absent"]}' ${url}/api/batch
  curl -s -X POST${as('Cache.Purge')} -d '{"keys":["mine"]}' ${url}/api/purge
  curl -i ${url}/api/health/ready
  curl -s${as('Fleet.Read')} ${url}/api/fleet${entraCallers ? '' : '                 (a browser gets a page)'}
  curl -i -X POST -H 'Content-Type: application/json' -d '{"input":""}' ${url}/admin/functions/scheduledWarmup
  curl -i -X POST -H 'Content-Type: application/json' -d '{"input":""}' ${url}/admin/functions/reauthenticate
`;
}

function callersPart({ authority }: AnyStack, cache: string): string {
  return `Token authority     ${authority.url}/${authority.tenantId}    (client ${authority.clientId})

Who is let in, and who is not:
  curl -i ${cache}/hello
      401: no token
  curl -i${bearer()} ${cache}/hello
      403: a token of the tenant without a role
  curl -i${bearer('Cache.Read')} ${cache}/hello
      200; a user's token does as well: npm run -s token -- --user --role Cache.Read
`;
}
