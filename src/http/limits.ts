// How much one request may name or hold, where no setting says so.

export const mostBatchKeys = 100;

// 100 keys of 1,024 bytes take 600 KiB where each byte is an escape sequence of six.
export const mostBatchBodyBytes = 2 ** 20;

// 1,000 keys of 1,024 bytes take 6 MiB where each byte is an escape sequence of six.
export const mostPurgeBodyBytes = 8 * 2 ** 20;
