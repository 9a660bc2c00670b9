// `npm run -s token -- --role Cache.Read`: a token of the local Entra for the app of `npm start -- --callers entra`, and
// nothing else, on standard output. Run by scripts/run.mjs.

import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { parseArgs } from 'node:util';
import {
  callerTokenPath,
  checkRoles,
  type CallerTokenAnswer,
  type CallerTokenRequest,
} from '../caller-tokens.ts';
import { runningPath, whatRuns } from './running.ts';

const usage = `npm run -s token -- [--role ROLE]... [--user]

  --role ROLE  an app role in the token: Cache.Read, Cache.Write, Cache.Purge, Fleet.Read; none unless given
  --user       of a user who has signed in, instead of an application
  --help`;

const nothingRuns =
  'Nothing runs here that gives tokens: start it in another shell, with `npm start -- --callers entra`.';

/** @throws Error whose message says what to do. */
export async function freshToken(request: CallerTokenRequest, path = runningPath): Promise<string> {
  checkRoles(request.roles);
  const running = whatRuns(path);
  if (running === undefined) throw new Error(nothingRuns);
  setDefaultCACertificates([...getCACertificates(), running.caPem]);
  const response = await fetch(new URL(callerTokenPath, running.authorityUrl), {
    method: 'POST',
    headers: { Authorization: `Bearer ${running.clientSecret}` },
    body: JSON.stringify(request),
    // What was killed leaves its file behind, and another program may have its port now.
  }).catch((cause: unknown) => {
    throw new Error(nothingRuns, { cause });
  });
  if (!response.ok) throw new Error(nothingRuns);
  return ((await response.json()) as CallerTokenAnswer).access_token;
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      options: {
        role: { type: 'string', multiple: true, default: [] },
        user: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    console.log(values.help ? usage : await freshToken({ roles: values.role, isUser: values.user }));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
