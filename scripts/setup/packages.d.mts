// The types of packages.mjs.

export function packagesAreInstalled(folder: string): boolean;
export function isInstalled(lock: string, record: string): boolean;
