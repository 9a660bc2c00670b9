// The files of the template: they compile, lint without a word, are formatted, and hold no secret.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deploymentOrder } from '../../support/deployment-order.ts';
import type { Infrastructure } from '../../support/infrastructure.ts';
import { at } from '../../support/prediction.ts';
import { bicepFiles, infraDirectory } from '../../support/template-copy.ts';
import * as access from '../../support/template-access-checks.ts';

type Json = Record<string, unknown>;

export function sources({ server }: Infrastructure): void {
  const template = server
    .compile(join(infraDirectory, 'main.bicep'))
    .then(({ contents }) => JSON.parse(contents ?? 'null') as Json);

  it('compiles, and lints without a warning, every file', async () => {
    for (const name of await bicepFiles()) {
      const file = join(infraDirectory, name);
      const compiled = name.endsWith('.bicepparam') ? server.compileParameters(file) : server.compile(file);
      const { success, diagnostics } = await compiled;
      expect({ name, success, diagnostics }).toEqual({ name, success: true, diagnostics: [] });
    }
  });

  it('only warns where a linter rule is broken: azd brings a Bicep of its own, which an error would stop', async () => {
    const text = await readFile(join(infraDirectory, '../bicepconfig.json'), 'utf8');
    const rules = Object.values(at(JSON.parse(text), 'analyzers.core.rules') as Json);
    expect(rules.length).toBeGreaterThan(20);
    for (const rule of rules) expect(rule).toEqual({ level: 'warning' });
  });

  it('is formatted as the CLI formats it', async () => {
    for (const name of await bicepFiles()) {
      const file = join(infraDirectory, name);
      const [text, formatted] = await Promise.all([readFile(file, 'utf8'), server.format(file)]);
      expect({ name, text: text.trimEnd() }).toEqual({ name, text: formatted.trimEnd() });
    }
  });

  it('uses no module but its own: compiling needs no network', async () => {
    for (const file of await bicepFiles()) {
      expect(await readFile(join(infraDirectory, file), 'utf8')).not.toMatch(/'(?:br|ts)[:/]/u);
    }
  });

  it('has no parameter or output for a secret, reads no key, and describes every parameter', async () => {
    expect(access.secretFaults(await template)).toEqual([]);
    expect(access.descriptionFaults(await template)).toEqual([]);
  });

  it('asks for nothing before what it needs', async () => {
    const order = deploymentOrder((await template) as never);
    expect(order('app')).toEqual(
      expect.arrayContaining([
        'identity',
        'hostStorage',
        'originStorage',
        'monitoring',
        'roles',
        'privateAccess',
        'redis',
      ]),
    );
    expect(order('roles')).toEqual(
      expect.arrayContaining(['identity', 'hostStorage', 'originStorage', 'monitoring']),
    );
    expect(order('privateAccess')).toEqual(
      expect.arrayContaining([
        'hostStorage',
        'originStorage',
        'monitoring',
        'redis',
        'redisExisting',
        'redisClassic',
      ]),
    );
    expect(order('privateAccess/privateEndpoints')).toEqual(
      expect.arrayContaining(['network', 'zones', 'monitoringLink']),
    );
    expect(order('diagnostics')).toEqual(
      expect.arrayContaining(['hostStorage', 'originStorage', 'redis', 'monitoring']),
    );
    expect(order('alerts')).toEqual(expect.arrayContaining(['monitoring', 'actionGroup']));
    expect(order('metricAlerts')).toEqual(expect.arrayContaining(['redis', 'redisExisting', 'redisClassic']));
  });
}
