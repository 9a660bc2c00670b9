// An answer whose body is bytes, handed over as they are.

import type { HttpResponseInit } from '@azure/functions';

export interface BytesResponse extends Omit<HttpResponseInit, 'body'> {
  readonly pieces: readonly Buffer[];
}
