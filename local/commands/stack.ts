// `npm run stack`: the local parts without the host, for whoever runs `func start`. Run by scripts/run.mjs.

import { startStack } from '../stack.ts';
import { parseOptions, partsTitle, usage } from './arguments.ts';
import { runCommand, step } from './lifecycle.ts';
import { announce } from './running.ts';
import { originSettings, seedStorage } from './seed.ts';

await runCommand(async (lifecycle) => {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return console.log(`npm run stack -- [options]\n\n${usage}`);
  const stack = await step(partsTitle(options), async () =>
    lifecycle.add('the local parts', await startStack(options)),
  );
  const { storage } = stack;
  if (storage === undefined) throw new Error('The local parts have no storage.');
  await step('Filling a blob container with a data set', () => seedStorage(storage));
  const { NODE_EXTRA_CA_CERTS: caPath, ...values } = {
    ...stack.settings,
    ...originSettings(storage),
    ...(options.entraCallers && stack.callerSettings),
  };
  if (options.entraCallers) lifecycle.add('the way to tokens', announce(stack));
  const settings = { IsEncrypted: false, Values: { FUNCTIONS_WORKER_RUNTIME: 'node', ...values } };
  console.log(`
Put this into out/app/local.settings.json (npm run package makes the folder):

${JSON.stringify(settings, null, 2)}

then start the real host there. Node.js reads its extra CA before any setting is applied, so that one has
to be in the environment; timers need a storage account that "AzureWebJobsStorage" names.

  cd out/app && NODE_EXTRA_CA_CERTS=${caPath} func start
`);
  console.log('Ready: the parts are up. Ctrl-C stops everything.');
  await lifecycle.untilAsked();
  console.log('Stopping ...');
});
