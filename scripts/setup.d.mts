// The types of what tests use of setup.mjs.

export function isInstalled(lock: string, installed: string): boolean;
