// Finds redis-server or valkey-server, installs Debian's package where that is possible, else says how.
// Plain JavaScript for Node.js 20, with no dependency: it runs before anything is installed.

/** @param {import('./machine.mjs').Machine} machine */
export async function ensureRedisServer(machine) {
  const found = ['redis-server', 'valkey-server'].find((program) => machine.onPath(program));
  if (found !== undefined) return checkVersion(machine, found);
  const administrator = machine.onPath('apt-get') ? await administratorOf(machine) : undefined;
  if (administrator !== undefined) {
    // RUNLEVEL=1 keeps Debian's invoke-rc.d from starting a system-wide server on port 6379.
    const quietly = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq'];
    const [command, ...apt] = [...administrator, ...quietly];
    await machine.run('Reading the list of Debian packages', command, [...apt, 'update']);
    const install = [...apt, 'install', '-y', '--no-install-recommends', 'redis-server'];
    await machine.run('Installing redis-server', command, install);
    if (machine.onPath('redis-server')) return checkVersion(machine, 'redis-server');
  }
  throw redisMissing('No redis-server or valkey-server on PATH, and it could not be installed from here.');
}

/**
 * What comes before a command so that it may install packages; undefined where that cannot be. A person is asked
 * before sudo is used; where nobody sits, sudo is used only if it asks for no password.
 * @param {import('./machine.mjs').Machine} machine
 */
async function administratorOf({ isRoot, onPath, succeeds, ask }) {
  if (isRoot) return [];
  if (!onPath('sudo')) return undefined;
  if (ask === undefined) return succeeds('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined;
  const answer = await ask(
    'No redis-server or valkey-server on PATH. Install it with `sudo apt-get install redis-server`? [y/N] ',
  );
  if (/^y(?:es)?$/iu.test(answer.trim())) return ['sudo'];
  throw redisMissing('Nothing was installed.');
}

/**
 * The local cluster needs `cluster-port`, and sharded Pub/Sub: Redis 7.0.
 * @param {import('./machine.mjs').Machine} machine @param {string} program
 */
function checkVersion({ outputOf }, program) {
  const [, version, major] = /\bv=((\d+)[.\d]*)/u.exec(outputOf(program, ['--version'])) ?? [];
  if (version !== undefined && Number(major) < 7)
    throw redisMissing(`${program} is ${version}, which is too old.`);
}

/** @param {string} why */
function redisMissing(why) {
  return new Error(
    [
      why,
      'Install Redis or Valkey 7.0 or later, then run the same command again:',
      '  Debian, Ubuntu   sudo apt-get install redis-server   (older releases: https://redis.io/docs/latest/operate/oss_and_stack/install/)',
      '  Fedora           sudo dnf install valkey',
      '  macOS            brew install redis',
    ].join('\n'),
  );
}
