// The local Azure, with the keys that global-setup.ts makes once for all tests: making them anew is most of what the start
// of a stack computes.

import { inject } from 'vitest';
import * as local from '../../local/stack.ts';

const keys = inject('stackKeys');

export async function startStack(
  options?: local.StackOptions & { readonly cluster?: false },
): Promise<local.Stack>;
export async function startStack(
  options: local.StackOptions & { readonly cluster: true },
): Promise<local.ClusterStack>;
export async function startStack(options: local.StackOptions): Promise<local.AnyStack>;
export async function startStack(options: local.StackOptions = {}): Promise<local.AnyStack> {
  // The certificate of the cache is for its names.
  return local.startStack(options.cacheNames === undefined ? { keys, ...options } : options);
}
