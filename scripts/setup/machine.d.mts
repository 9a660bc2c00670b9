// The types of machine.mjs: what of the machine the set-up uses.

export interface Machine {
  readonly isRoot: boolean;
  /** Whether a program is found by its name. */
  readonly onPath: (program: string) => boolean;
  /** Runs a short command without showing it. */
  readonly succeeds: (command: string, args: readonly string[]) => boolean;
  readonly outputOf: (command: string, args: readonly string[]) => string;
  /** Runs a long command under a title; throws where it fails. */
  readonly run: (title: string, command: string, args: readonly string[]) => Promise<void>;
  /** Asks the person at the terminal; undefined where nobody sits there. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

export function thisMachine(directory: string): Machine;
