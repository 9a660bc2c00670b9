// What an error of blob storage means, and what to do about it.

import type { AppError } from '../../util/errors.ts';
import { originFailed } from '../origin-timeout.ts';
import { readRetryAfter } from '../retry-after.ts';

/** By lower-case name. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

// Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
const remedies: Readonly<Record<string, string>> = {
  AuthorizationPermissionMismatch:
    'give the identity the role "Storage Blob Data Reader" on the container; a new assignment takes up to 10 minutes',
  AuthorizationFailure:
    'the network rules of the storage account keep this app out, or the identity lacks the role "Storage Blob Data Reader"',
  ContainerNotFound:
    'there is no such container; check ORIGIN_BLOB_CONTAINER_URL or ORIGIN_RULES (in code: blobContainerUrl, originRules)',
  ContainerBeingDeleted:
    'the container is being deleted; check ORIGIN_BLOB_CONTAINER_URL or ORIGIN_RULES (in code: blobContainerUrl, originRules)',
  InvalidAuthenticationInfo: "the identity's token was refused: is the account in the identity's tenant?",
  NoAuthenticationInformation: "it asks for a sign-in: is it a storage account of the identity's tenant?",
};

/** The failure with its status, the code that Azure gave it, and what to do where that is known. */
export function blobFailure(
  { status, headers }: { readonly status: number; readonly headers: Headers },
  where: string,
  nowMs: number,
): AppError {
  const code = errorCodeOf(headers) ?? 'without an error code';
  const remedy =
    remedies[code] ??
    (status === 401 || status === 403 ? remedies['AuthorizationPermissionMismatch'] : undefined);
  const retryAfterSeconds = readRetryAfter(textOf(headers['retry-after']), nowMs);
  return originFailed(
    where,
    `answered ${status} ${code}${remedy === undefined ? '' : `: ${remedy}`}`,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}

export function errorCodeOf(headers: Headers): string | undefined {
  const code = textOf(headers['x-ms-error-code']) ?? '';
  return /^\w{1,64}$/u.test(code) ? code : undefined;
}

function textOf(field: Headers[string]): string | undefined {
  return typeof field === 'string' ? field : undefined;
}
