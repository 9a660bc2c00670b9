// Commands of the administrator to a cluster as if it were one server. Used by cluster.ts.

import type { RedisServer } from '../redis-server.ts';
import type { RawAdminReply } from '../admin-connection.ts';

type Words = readonly (string | Buffer)[];

const onPrimaries = new Set(['FLUSHALL', 'FLUSHDB', 'DBSIZE', 'KEYS']);
const onAllNodes = new Set(['ACL', 'CLIENT', 'CONFIG', 'INFO', 'SCRIPT']);
const mostRedirections = 5;

export function concerns(command: Words): 'primaries' | 'all nodes' | 'one node' {
  const name = String(command[0]).toUpperCase();
  return onPrimaries.has(name) ? 'primaries' : onAllNodes.has(name) ? 'all nodes' : 'one node';
}

/** Runs `command` where it belongs: Redis says where its keys are. */
export async function runFollowing(
  command: Words,
  first: RedisServer,
  nodes: readonly RedisServer[],
): Promise<RawAdminReply> {
  let [node, asking] = [first, false];
  for (let redirections = 0; ; redirections++) {
    try {
      // In one turn, so that nothing comes between them.
      const permission = asking ? node.adminRaw('ASKING') : undefined;
      const reply = node.adminRaw(...command);
      await Promise.all([permission, reply]);
      return await reply;
    } catch (error) {
      const redirection = /^(?<kind>MOVED|ASK) \d+ .*:(?<port>\d+)$/u.exec(
        error instanceof Error ? error.message : '',
      )?.groups;
      const next = nodes.find(({ port }) => port === Number(redirection?.['port']));
      if (next === undefined || redirections === mostRedirections) throw error;
      [node, asking] = [next, redirection?.['kind'] === 'ASK'];
    }
  }
}

/** Numbers are summed, lists joined; texts too, with their numbers summed where they differ in nothing else. */
export function joinReplies(replies: readonly RawAdminReply[]): RawAdminReply {
  const [first = null] = replies;
  if (replies.every((reply) => typeof reply === 'number'))
    return replies.reduce((sum, reply) => sum + reply, 0);
  if (replies.every((reply) => Array.isArray(reply))) return replies.flat();
  const texts = replies.map(String);
  if (texts.every((text) => text === texts[0])) return first;
  return Buffer.from(sumTexts(texts));
}

/** As INFO needs it: lines that are alike but for their numbers become one line with the sums. */
function sumTexts(texts: readonly string[]): string {
  const sums = new Map<string, number[]>();
  const number = /(?<==|:)\d+(?:\.\d+)?/gu;
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const pattern = line.replaceAll(number, '#');
    const numbers = (line.match(number) ?? []).map(Number);
    const before = sums.get(pattern) ?? numbers.map(() => 0);
    sums.set(
      pattern,
      before.map((sum, index) => sum + (numbers[index] ?? 0)),
    );
  }
  return [...sums]
    .map(([pattern, numbers]) => {
      let at = 0;
      return pattern.replaceAll('#', () => `${numbers[at++] ?? '#'}`);
    })
    .join('\n');
}
