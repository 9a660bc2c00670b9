// An answer whose body is bytes, handed to the worker without a copy.

import type { HttpResponseInit } from '@azure/functions';

export interface BytesResponse extends Omit<HttpResponseInit, 'body'> {
  readonly pieces: readonly Buffer[];
}
