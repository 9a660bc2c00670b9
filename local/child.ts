// Runs an external program so that it never outlives this process, however this process ends.
// Used for redis-server and Azurite. POSIX only. Knows nothing of what the program does.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { deferred } from '../src/util/deferred.ts';

// Node cannot tie a child's life to its own (PR_SET_PDEATHSIG is Linux only and out of reach), but the kernel
// closes a dead process's sockets, after SIGKILL too. So a shell holds the other end of one (descriptor 3)
// and kills the program when it reads its end. The shell reaps the program and hands on its exit code.
// `rm` runs in the background: the shell kills its watcher as soon as the program is gone.
const guardScript = `
directory=$1; shift
"$@" </dev/null 3>&- &
program=$!
exec >/dev/null 2>&1
(read -r line; if [ -n "$directory" ]; then rm -rf -- "$directory" & fi; kill -KILL "$program") <&3 3>&- &
watcher=$!
echo "$program" >&3
exec 3>&-
wait "$program"
code=$?
kill -KILL "$watcher"
wait "$watcher"
exit "$code"
`;

export interface ChildOptions {
  /** What to call it in messages; the program's name otherwise. */
  readonly name?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Deleted with all its content if this process dies while the program runs. */
  readonly removeIfOrphaned?: string;
}

export interface ExitStatus {
  /** The exit code; 128 + n if signal n killed it, as shells report it. */
  readonly code: number;
}

const keptLines = 40;
const killedCode = 137;

/** Starts `command`; resolves once it runs. A command that cannot be run shows as exit code 126 or 127. */
export async function startChild(
  command: string,
  parameters: readonly string[],
  options: ChildOptions = {},
): Promise<Child> {
  const guard = spawn(
    '/bin/sh',
    ['-c', guardScript, 'guard', options.removeIfOrphaned ?? '', command, ...parameters],
    {
      // A session of its own: Ctrl+C in the terminal reaches us alone, and we stop things in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    },
  );
  const exited = new Promise<ExitStatus>((resolve, reject) => {
    guard.once('error', reject);
    // 'close' comes after the last output has been read.
    guard.once('close', (code) => resolve({ code: code ?? killedCode }));
  });
  exited.catch(() => {});
  guard.once('exit', (_code, signal) => {
    // Somebody killed the guard itself: what is left of its group must not go on unguarded.
    if (signal !== null) killGroup(guard);
  });
  const lifeline = guard.stdio[3] as unknown as Readable;
  lifeline.on('error', () => {});
  const [first] = (await Promise.race([once(lifeline, 'data'), exited.then(() => [''])])) as [unknown];
  return new Child(options.name ?? command, guard, Number.parseInt(String(first), 10), exited);
}

function killGroup(guard: ChildProcess): void {
  try {
    if (guard.pid !== undefined) process.kill(-guard.pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing of it is left.
  }
}

/** A running program. Its output is kept only as the last lines, for error messages. */
export class Child {
  readonly name: string;
  /** Of the program itself, not of the shell that guards it. */
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly #guard: ChildProcess;
  readonly #lines: string[] = [];
  readonly #lineListeners = new Set<(line: string) => void>();
  #status: ExitStatus | undefined;

  constructor(name: string, guard: ChildProcess, pid: number, exited: Promise<ExitStatus>) {
    this.name = name;
    this.pid = pid;
    this.exited = exited;
    this.#guard = guard;
    exited.then(
      (status) => (this.#status = status),
      () => (this.#status = { code: killedCode }),
    );
    for (const stream of [guard.stdout, guard.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#onLine(line));
    }
  }

  get running(): boolean {
    return this.#status === undefined && this.#guard.exitCode === null && this.#guard.signalCode === null;
  }

  get lastLines(): string {
    return this.#lines.join('\n');
  }

  /** Resolves with the first line that matches; rejects if the program ends or `timeoutMs` passes before. */
  async line(pattern: RegExp, timeoutMs = 120_000): Promise<string> {
    const seen = this.#lines.find((line) => pattern.test(line));
    if (seen !== undefined) return seen;
    const { promise, resolve, reject } = deferred<string>();
    const listener = (line: string): void => {
      if (pattern.test(line)) resolve(line);
    };
    const timer = setTimeout(() => {
      reject(new Error(`${this.name} was not ready within ${timeoutMs} ms.\n${this.lastLines}`));
    }, timeoutMs);
    const died = ({ code }: ExitStatus): void => {
      reject(new Error(`${this.name} ended with code ${code} before it was ready.\n${this.lastLines}`));
    };
    this.#lineListeners.add(listener);
    this.exited.then(died, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#lineListeners.delete(listener);
    }
  }

  /** Sends a signal to the program; false if it is gone. */
  signal(signal: NodeJS.Signals): boolean {
    if (!this.running) return false;
    try {
      return process.kill(this.pid, signal);
    } catch {
      return false;
    }
  }

  /** SIGTERM, then SIGKILL after `graceMs`. Resolves when the program is gone and reaped. */
  async stop(graceMs = 5000): Promise<ExitStatus> {
    if (this.signal('SIGTERM')) this.signal('SIGCONT'); // A stopped process acts on no SIGTERM.
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    timer.unref();
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  async kill(): Promise<ExitStatus> {
    this.signal('SIGKILL');
    return this.exited;
  }

  #onLine(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
    for (const listener of this.#lineListeners) listener(line);
  }
}
