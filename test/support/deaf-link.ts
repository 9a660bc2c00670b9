// A way to Redis whose server says that it tracks keys, and tells nobody which of them change: as a proxy may that does
// not know what it passes on.

import { startSlowLink, type SlowLink } from './slow-link.ts';

// Answered with OK as well, and in one piece as node-redis sends it.
const tracking = '$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n';
const naming = '$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nON\r\n';

export async function startDeafLink(toPort: number): Promise<SlowLink> {
  return startSlowLink(toPort, (bytes) =>
    Buffer.from(bytes.toString('latin1').replace(tracking, naming), 'latin1'),
  );
}
