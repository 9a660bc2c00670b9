// What a host name looks like, and which hosts are this machine.

import { isIPv6 } from 'node:net';

/** A name or an address, without a port. */
export function isHostName(value: string): boolean {
  return /^[\w.-]{1,253}$/u.test(value) || isIPv6(value);
}

/** A name or an address of loopback, the only hosts that plain TCP is accepted for. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || /^127(?:\.\d{1,3}){3}$/u.test(hostname);
}
