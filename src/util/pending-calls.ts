// Keeps the process alive while somebody waits for an answer. No timer of this code does, and neither does a socket that
// is not connected: a program that waits for nothing else would end without a word.

let pending = 0;
let timer: NodeJS.Timeout | undefined;
const longestMs = 2 ** 31 - 1;

/** `call`, until which the process stays alive. */
export function keptAlive<T>(call: Promise<T>): Promise<T> {
  timer ??= setInterval(() => {}, longestMs);
  if (pending === 0) timer.ref();
  pending += 1;
  call.then(end, end);
  return call;
}

function end(): void {
  pending -= 1;
  if (pending === 0) timer?.unref();
}
