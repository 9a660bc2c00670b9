// Plugins of rolldown: of @azure/identity and MSAL a start loads what a managed identity needs, which is half of them.

import type { Plugin } from 'rolldown';
import { changedFile, type Change } from '../bundling/changed-file.ts';

// A managed identity of Kubernetes is a workload identity; its credential needs nothing else of that.
const tokenExchange = '@azure/identity/dist/esm/credentials/managedIdentityCredential/tokenExchangeMsi.js';
const onFirstUse: readonly Change[] = [
  ['import { WorkloadIdentityCredential } from "../workloadIdentityCredential.js";\n', ''],
  [
    'const { scopes, clientId } = configuration;',
    'const { scopes, clientId } = configuration;\n' +
      'const { WorkloadIdentityCredential } = await import("../workloadIdentityCredential.js");',
  ],
];

export const managedIdentityAlone: Plugin = {
  name: 'managed-identity-alone',
  load: async (id) =>
    id.replaceAll('\\', '/').endsWith(`/${tokenExchange}`)
      ? { code: await changedFile(id, onFirstUse), moduleType: 'js' }
      : undefined,
};

/** Its modules only declare, but its package.json does not say so: with any of it all of it would be loaded. */
export const msalDeclares = {
  test: /[/\\]node_modules[/\\]@azure[/\\]msal-node[/\\]/,
  sideEffects: false,
} as const;
