// What a failed request to blob storage means, and what to do about it. Used by blob.ts only.
// Knows errors of the SDK; makes no request.

import type { RestError } from '@azure/storage-blob';
import type { AppError } from '../errors.ts';
import { originFailed } from './attempt.ts';
import { readRetryAfter } from './cache-control.ts';

/** Without loading the SDK: whoever holds such an error has it loaded already. */
export function isRestError(error: unknown): error is RestError {
  return error instanceof Error && error.name === 'RestError';
}

// Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
const remedies: Readonly<Record<string, string>> = {
  AuthorizationPermissionMismatch:
    'give the identity the role "Storage Blob Data Reader" on the container; a new assignment takes up to 10 minutes',
  AuthorizationFailure:
    'the network rules of the storage account keep this app out, or the identity lacks the role "Storage Blob Data Reader"',
  ContainerNotFound: 'there is no such container; check ORIGIN_BLOB_CONTAINER_URL',
  ContainerBeingDeleted: 'the container is being deleted; check ORIGIN_BLOB_CONTAINER_URL',
  InvalidAuthenticationInfo: "the identity's token was refused: is the account in the identity's tenant?",
  NoAuthenticationInformation: "it asks for a sign-in: is it a storage account of the identity's tenant?",
};

/** The failure with its status, the code that Azure gave it, and what to do where that is known. */
export function blobFailure(error: RestError, where: string, nowMs: number): AppError {
  const { statusCode: status, response } = error;
  if (status === undefined)
    return originFailed(where, `could not be asked: ${error.message}`, { cause: error });
  const code = codeOf(error);
  const remedy =
    remedies[code] ??
    (status === 401 || status === 403 ? remedies['AuthorizationPermissionMismatch'] : undefined);
  const retryAfterSeconds = readRetryAfter(response?.headers.get('retry-after'), nowMs);
  return originFailed(where, `answered ${status} ${code}${remedy === undefined ? '' : `: ${remedy}`}`, {
    cause: error,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Whether the container was asked and has no such blob. A 404 of something else, a proxy say, is not that. */
export function isBlobNotFound(error: RestError): boolean {
  return error.statusCode === 404 && codeOf(error) === 'BlobNotFound';
}

function codeOf(error: RestError): string {
  const code = error.response?.headers.get('x-ms-error-code') ?? error.code ?? '';
  return /^\w{1,64}$/u.test(code) ? code : 'without an error code';
}
