// Reads user name and token out of AUTH and HELLO. Used by the front's connections.
//
// Held to https://redis.io/docs/latest/commands/auth/ and https://redis.io/docs/latest/commands/hello/

export interface AuthAttempt {
  readonly command: 'AUTH' | 'HELLO';
  /** Undefined in `AUTH <password>`, which means redis's default user; that one is off. */
  readonly username: string | undefined;
  readonly token: string;
}

/** The credentials in the command; undefined if there are none or redis will find it malformed. */
export function readAuthAttempt(words: readonly Buffer[]): AuthAttempt | undefined {
  const [name, ...rest] = words.map(String);
  if (name?.toUpperCase() === 'AUTH') {
    const [first, second, ...tooMany] = rest;
    if (first === undefined || tooMany.length > 0) return undefined;
    return second === undefined
      ? { command: 'AUTH', username: undefined, token: first }
      : { command: 'AUTH', username: first, token: second };
  }
  if (name?.toUpperCase() !== 'HELLO' || helloProtocol(words) === undefined) return undefined;
  // HELLO protover [AUTH username password] [SETNAME name], in any order.
  for (let at = 1; at < rest.length;) {
    const option = rest[at]?.toUpperCase();
    const [username, token] = [rest[at + 1], rest[at + 2]];
    if (option === 'AUTH' && username !== undefined && token !== undefined) {
      return { command: 'HELLO', username, token };
    }
    if (option !== 'SETNAME') return undefined;
    at += 2;
  }
  return undefined;
}

/** The protocol version a HELLO asks for, if redis knows it. */
export function helloProtocol(words: readonly Buffer[]): 2 | 3 | undefined {
  const version = String(words[1]);
  return version === '2' ? 2 : version === '3' ? 3 : undefined;
}
