// A way to Redis whose server says that it tracks keys, and tells nobody which of them change: as a proxy may that does
// not know what it passes on.

import { connect, createServer } from 'node:net';
import { listenOnLoopback, type Listening } from '../../local/listening.ts';

// Answered with OK as well, and in one piece as node-redis sends it.
const tracking = '$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n';
const naming = '$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nON\r\n';

export async function startDeafLink(toPort: number): Promise<Listening> {
  const server = createServer((down) => {
    const up = connect(toPort, '127.0.0.1');
    for (const socket of [up, down]) socket.on('error', () => {});
    up.on('close', () => down.destroy());
    down.on('close', () => up.destroy());
    down.on('data', (bytes) => up.write(bytes.toString('latin1').replace(tracking, naming), 'latin1'));
    up.pipe(down);
  });
  return listenOnLoopback(server);
}
