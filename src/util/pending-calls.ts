// Keeps the process alive while somebody waits for an answer. No timer of this code does, and neither does a socket that
// is not connected: a program that waits for nothing else would end without a word.

let pending = 0;
let timer: NodeJS.Timeout | undefined;
const longestMs = 2 ** 31 - 1;

/** `call`, until which the process stays alive. */
export function keptAlive<T>(call: Promise<T>): Promise<T> {
  beginCall();
  call.then(endCall, endCall);
  return call;
}

/** From now on the process stays alive, until `endCall`: for a call that is to make no promise more. */
export function beginCall(): void {
  timer ??= setInterval(() => {}, longestMs);
  if (pending === 0) timer.ref();
  pending += 1;
}

export function endCall(): void {
  pending -= 1;
  if (pending === 0) timer?.unref();
}
