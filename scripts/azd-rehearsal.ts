// `npm run azd-rehearsal`: what azd does with a fresh clone up to the upload, step by step in its order, and then a
// trial of the zip that it would upload. Needs neither azd nor Azure.

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { unzipSync, zipSync } from 'fflate';
import { runCommand, step, type Lifecycle } from '../local/commands/lifecycle.ts';
import { loadProject } from './azd-rehearsal/azure-yaml.ts';
import {
  checkBuildScript,
  checkPackageManager,
  checkRemoteBuild,
  installs,
  zipName,
  type Lockfile,
} from './azd-rehearsal/decisions.ts';
import { differences, packedFiles, type Files } from './azd-rehearsal/packing.ts';
import { AzdRefusal, followedAzdVersion } from './azd-rehearsal/refusal.ts';
import { tryOut } from './azd-rehearsal/trial.ts';

const root = join(import.meta.dirname, '..');
const usage = 'npm run azd-rehearsal [-- --working-tree]: of HEAD, or of the files as they are now';
// Whoever runs this may not own the checkout, as in a container: git then asks to be told that it may read it.
const git = ['-c', 'safe.directory=*'];

await runCommand(async (lifecycle) => {
  const [option, ...others] = process.argv.slice(2);
  if (others.length > 0 || (option !== undefined && option !== '--working-tree')) throw new Error(usage);
  await rehearse(lifecycle, option === '--working-tree');
});

async function rehearse(lifecycle: Lifecycle, workingTree: boolean): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'azd-rehearsal-'));
  const remove = async (): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  lifecycle.add('the temporary folder', { stop: remove });
  const run = programs(lifecycle);
  console.log(
    `Following https://github.com/Azure/azure-dev/tree/azure-dev-cli_${followedAzdVersion}/cli/azd`,
  );
  const clone = join(directory, 'clone');

  await step(workingTree ? 'Copying the files as they are now' : 'Taking the files of HEAD', async () => {
    await mkdir(clone);
    await (workingTree ? copyWorkingTree(run, clone) : copyHead(run, clone));
  });
  const { name, service } = await step(
    'Loading azure.yaml (cmd/container.go; pkg/project/project.go, Load)',
    async () => loadProject(await readFile(join(clone, 'azure.yaml'), 'utf8')),
  );
  const folder = join(clone, service.project);
  const read = (path: string): string | undefined =>
    existsSync(join(folder, path)) ? readFileSync(join(folder, path), 'utf8') : undefined;
  checkPackageManager(read);
  checkBuildScript(read, service);

  const lock = await lockfile(join(folder, 'package-lock.json'));
  if (installs(lock, await lockfile(join(folder, 'node_modules/.package-lock.json')))) {
    const before = read('package-lock.json');
    await step('npm install (pkg/project/framework_service_node.go, nodeProject.Restore)', () =>
      run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], folder),
    );
    if (read('package-lock.json') !== before) throw new Error('npm install changed package-lock.json.');
  }
  // `azd up`, `package` and `deploy` run it once, `azd build` before them once more.
  const build = async (): Promise<string> => run('npm', ['run', 'build', '--if-present'], folder);
  const testedZip = async (): Promise<Buffer> => readFile(join(folder, 'out/app.zip'));
  await step('npm run build (pkg/project/framework_service_node.go, nodeProject.Package)', build);
  const packed = await step(
    `Packing ${service.dist} (pkg/project/project_utils.go, createDeployableZip)`,
    () => pack(join(folder, service.dist), service),
  );
  const first = await testedZip();
  await step('npm run build, again', build);
  if (!first.equals(await testedZip())) throw new Error('Building twice does not give the same bytes.');
  const tested: Files = new Map(Object.entries(unzipSync(first)));
  const differing = differences(packed, tested);
  if (differing.length > 0) {
    throw new Error(`azd's zip is not the package that is tested (out/app.zip): ${differing.join(', ')}`);
  }
  await step(
    'Deciding against a build on Azure (pkg/project/service_target_functionapp.go, resolveFunctionAppRemoteBuild)',
    async () => checkRemoteBuild(read, service),
  );
  const zipPath = join(directory, zipName(name, service.name, Date.now()));
  await writeFile(zipPath, zipSync(Object.fromEntries(packed)));
  await step('Running the zip in the local Functions host', async () => {
    const appDirectory = join(directory, 'app');
    await unzip(zipPath, appDirectory);
    await tryOut(appDirectory, (what, part) => lifecycle.add(what, part));
  });
  console.log(
    `azd ${followedAzdVersion} would deploy ${packed.size} files, those of out/app.zip, and they run.`,
  );
}

async function pack(directory: string, service: Parameters<typeof packedFiles>[1]): Promise<Files> {
  if (!existsSync(directory)) {
    throw new AzdRefusal(
      'pkg/project/framework_service_node.go, nodeProject.Package',
      `The package source '${service.dist}' does not exist: 'npm run build' does not write it.`,
    );
  }
  return packedFiles(directory, service);
}

async function lockfile(path: string): Promise<Lockfile | undefined> {
  return existsSync(path) ? { modifiedAtMs: (await stat(path)).mtimeMs } : undefined;
}

async function unzip(zipPath: string, directory: string): Promise<void> {
  for (const [name, content] of Object.entries(unzipSync(await readFile(zipPath)))) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
}

type Run = (program: string, args: readonly string[], cwd: string) => Promise<string>;

/** Programs run as from a shell of somebody's own, without what `npm run` adds; they end when this does. */
function programs(lifecycle: Lifecycle): Run {
  const abort = new AbortController();
  lifecycle.add('what is running', { stop: async () => abort.abort() });
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(?:lifecycle|package|command|config_(?:local_)?prefix)/u.test(name),
    ),
  );
  const path = (process.env['PATH'] ?? '').split(delimiter);
  env['PATH'] = path.filter((entry) => !/node_modules|node-gyp-bin/u.test(entry)).join(delimiter);
  return async (program, args, cwd) => {
    try {
      const options = { cwd, env, signal: abort.signal, maxBuffer: 64 * 1024 * 1024 };
      return (await promisify(execFile)(program, args, options)).stdout;
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
      throw new Error(
        `\n${stdout}${stderr}\n${program} ${args.join(' ')} failed: ${message.split('\n')[0]}`,
        {
          cause: error,
        },
      );
    }
  };
}

/** What a fresh clone has. */
async function copyHead(run: Run, target: string): Promise<void> {
  const archive = `${target}.tar`;
  await run('git', [...git, 'archive', '--format=tar', `--output=${archive}`, 'HEAD'], root);
  await run('tar', ['-xf', archive, '-C', target], root);
}

/** What git knows or would add: the tree as the next commit would have it. */
async function copyWorkingTree(run: Run, target: string): Promise<void> {
  const listed = await run(
    'git',
    [...git, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    root,
  );
  for (const path of listed.split('\0').filter((entry) => entry !== '' && existsSync(join(root, entry)))) {
    await cp(join(root, path), join(target, path));
  }
}
