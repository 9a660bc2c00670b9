import { readFileSync } from 'node:fs';
import { startHost } from '/work/wt/functions/local/functions-host/host.ts';
import { startStack } from '/work/wt/functions/local/stack.ts';
const dirs = { old: '/tmp/functions/out-old/app', neu: '/tmp/functions/out-new/app', old2: '/tmp/functions/out-old/app' };
const stack = await startStack({ storage: false });
await stack.redis.admin('SET', 'hello', 'x');
const res: Record<string, number[]> = { old: [], neu: [], old2: [] };
for (let i = 0; i <= 40; i++) for (const [k, dir] of Object.entries(dirs)) {
  const h = await startHost({ appDirectory: dir, settings: stack.settings, timers: false });
  const r = await fetch(`${h.url}/api/cache/hello`); await r.arrayBuffer();
  const ms = Number(readFileSync(`/proc/${h.instances[0]?.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  await h.stop(); if (i > 0) res[k]?.push(ms);
}
for (const [k, v] of Object.entries(res)) { v.sort((a, b) => a - b); console.log(k, 'q25', v[10]?.toFixed(1), 'median', v[20]?.toFixed(1)); }
await stack.stop();
