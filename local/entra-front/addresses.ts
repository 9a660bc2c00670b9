// Puts the fronts' ports in the place of the nodes' in what a cluster says of itself, as Azure's proxy does.
// Used by the fronts of a cluster. Knows no stream.
//
// Held to https://redis.io/docs/latest/commands/cluster-slots/ , cluster-shards/ , cluster-nodes/ and
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding

import { isIP } from 'node:net';
import { tokensOf } from './resp-replies.ts';

/** A node's port to its front's. What is not in it stays as it is. */
export type AnnouncedPorts = Pick<ReadonlyMap<number, number>, 'get'>;

/** In -MOVED and -ASK; other errors stay as they are. */
export function announceInError(error: Buffer, ports: AnnouncedPorts): Buffer {
  const { start, port, end } =
    /^(?<start>-(?:MOVED|ASK) \d+ .*:)(?<port>\d+)(?<end>\r\n)$/u.exec(error.toString('latin1'))?.groups ??
    {};
  const announced = ports.get(Number(port));
  return announced === undefined ? error : Buffer.from(`${start}${announced}${end}`, 'latin1');
}

/** In the reply to CLUSTER SLOTS, SHARDS or NODES, whichever it is, in RESP2 and RESP3. */
export function announceInReply(reply: Buffer, ports: AnnouncedPorts): Buffer {
  let previous = '';
  const parts = tokensOf(reply).map(({ type, text, bytes }) => {
    const before = previous;
    previous = text;
    if (type === ':') {
      // SLOTS: ip, port. SHARDS: "port", port. All other numbers follow something else.
      const announced = before === 'port' || isIP(before) !== 0 ? ports.get(Number(text)) : undefined;
      return announced === undefined ? bytes : Buffer.from(`:${announced}\r\n`);
    }
    if (type !== '$' && type !== '=') return bytes;
    // NODES: a line for each, "<id> <ip>:<port>@<bus port> ...".
    const announced = text.replaceAll(
      /^(?<start>\S+ \S*:)(?<port>\d+)(?=@\d)/gmu,
      (all, start: string, port: string) => {
        const other = ports.get(Number(port));
        return other === undefined ? all : `${start}${other}`;
      },
    );
    if (announced === text) return bytes;
    return Buffer.from(`${type}${announced.length}\r\n${announced}\r\n`, 'latin1');
  });
  return Buffer.concat(parts);
}
