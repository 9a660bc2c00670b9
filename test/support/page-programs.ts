// The programs of a page of docs/package, each as it stands there, or as a diff leaves it: run in a process of its own,
// over a local stack.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from '../../local/stack.ts';
import { parseMarkdown } from './markdown.ts';

const root = join(import.meta.dirname, '../..');

export interface Program {
  readonly heading: string;
  readonly text: string;
}

/**
 * @param page its name in docs/package.
 * @param languages `diff`, too, where each leaves a whole program.
 */
export async function programsOf(
  page: string,
  languages: readonly ('ts' | 'diff')[] = ['ts'],
): Promise<readonly Program[]> {
  const { sections } = parseMarkdown(await readFile(join(root, 'docs/package', page), 'utf8'));
  return sections.flatMap(({ heading, depth, blocks }) =>
    // A section repeats what stands in those below it.
    depth === 1
      ? []
      : blocks
          .filter(({ language }) => languages.some((one) => one === language))
          .map(({ language, text }) => ({ heading, text: language === 'diff' ? applied(text) : text })),
  );
}

function applied(diff: string): string {
  const lines = diff.split('\n').filter((line) => !line.startsWith('-'));
  return lines.map((line) => line.slice(1)).join('\n');
}

export interface ProgramRunner extends AsyncDisposable {
  /** What it prints, line by line. */
  outputOf(program: Program): Promise<readonly string[]>;
}

export async function startProgramRunner({ front, settings }: Stack): Promise<ProgramRunner> {
  // Inside the repository, where its packages are found.
  await mkdir(join(root, 'out'), { recursive: true });
  const directory = await mkdtemp(join(root, 'out/programs-'));
  return {
    async outputOf({ heading, text }) {
      const { hostname, port } = front;
      const local = text
        .replaceAll(
          /'redis-entra-functions\/(?<name>\w+)'/gu,
          (_, name) => `'${join(root, 'src/exports', `${name}.ts`)}'`,
        )
        .replaceAll('my-cache.westeurope.redis.azure.net', hostname)
        .replaceAll('10000', `${port}`)
        // Many of them start at once: none is to give up before it is connected.
        .replace('createRedis({', `createRedis({ port: ${port}, timeoutMs: 20_000,`);
      const file = join(directory, `${heading.replaceAll(/\W+/gu, '-')}.ts`);
      await writeFile(file, local);
      const env = { ...process.env, ...settings };
      const child = spawn(process.execPath, [file], { env, timeout: 120_000 });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += `${data}`));
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      if (code !== 0) throw new Error(`It ended with ${code}:\n${output}`);
      return output.trim().split('\n');
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
