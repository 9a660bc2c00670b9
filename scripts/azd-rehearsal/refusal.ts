// What stops azd, or would make it deploy something else, with the place in azd's source that decides it.

/** The azd that is followed: https://github.com/Azure/azure-dev/tree/azure-dev-cli_1.31.2/cli/azd */
export const followedAzdVersion = '1.31.2';

export class AzdRefusal extends Error {
  override readonly name = 'AzdRefusal';
  /** A file below `cli/azd/`, and a function in it. */
  readonly source: string;

  constructor(source: string, message: string) {
    super(`${message}\n  (${source}, azd ${followedAzdVersion})`);
    this.source = source;
  }
}
