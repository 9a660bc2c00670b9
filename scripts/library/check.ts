// Holds the package to what those who import it rely on. The last part of `npm run check`.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { reportPath } from '../library.ts';
import { packLibrary } from './pack.ts';

/** Each fault in one line; none where all is well. */
async function faultsOfPackage(directory: string): Promise<readonly string[]> {
  const { tarballPath, reports, types } = await packLibrary(directory);
  const tarball = await readFile(tarballPath);
  return [
    ...(await changedSurfaces(reports)),
    ...[...reports].flatMap(([name, report]) => undocumented(report).map((line) => `docs: ${name}: ${line}`)),
    ...leaks(types),
    ...(await publintFaults(tarball)),
    ...(await typeFaults(tarball)),
  ];
}

/** The public surface beside the committed one: a line for each entry in which they differ. */
export async function changedSurfaces(reports: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const outcomes = [...reports].map(async ([name, report]) => {
    const path = reportPath(name);
    const committed = await readFile(path, 'utf8').catch(() => '');
    if (committed === report) return [];
    const file = relative(join(import.meta.dirname, '../..'), path);
    return [
      `api: the public surface is not that of ${file}; \`npm run library -- --accept\` writes it anew.`,
    ];
  });
  return (await Promise.all(outcomes)).flat();
}

/** What can be imported and has no docstring, by a report: API Extractor marks it in the line before. */
export function undocumented(report: string): readonly string[] {
  let owner = '';
  return report.split('\n').flatMap((line, index, lines) => {
    // Each declaration begins in the first column. Types that only others are made of are not exported.
    if (/^(?:export )?(?:declare |abstract )?(?:class|const|enum|function|interface|type)\b/u.test(line))
      owner = line;
    const isMarked =
      lines[index - 1]?.trimStart().startsWith('// ') === true &&
      lines[index - 1]?.endsWith('(undocumented)') === true;
    return isMarked && owner.startsWith('export ')
      ? [line.startsWith(' ') ? `${owner} ${line.trim()}` : line]
      : [];
  });
}

async function publintFaults(tarball: Buffer): Promise<readonly string[]> {
  const { messages, pkg } = await publint({
    pack: { tarball: new Uint8Array(tarball).buffer },
    strict: true,
  });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

/** A class with private members is another type in each file that declares it: public types are interfaces. */
function leaks(types: ReadonlyMap<string, string>): readonly string[] {
  const leaking = [...types].filter(([, text]) => /^ +(?:#private|private |protected )/mu.test(text));
  return leaking.map(([name]) => `types: ${name} has a class with private members.`);
}

/** Old and new resolution, from CommonJS, from ES modules, and by a bundler. */
async function typeFaults(tarball: Buffer): Promise<readonly string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
  if (!analysis.types) return ['attw: the package has no types.'];
  return analysis.problems.map((problem) => `attw: ${JSON.stringify(problem)}`);
}

if (import.meta.main) {
  const directory = await mkdtemp(join(tmpdir(), 'library-check-'));
  try {
    const faults = await faultsOfPackage(directory);
    for (const fault of faults) console.error(fault);
    if (faults.length === 0)
      console.log('The package is as it should be: public surface, docs, exports and types.');
    else process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
