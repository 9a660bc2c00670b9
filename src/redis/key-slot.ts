// The slot of a key in a cluster: CRC16 of the key, or of its hash tag. Own code, because cluster-key-slot 1.1.2 is wrong for keys like `{}{a}`, and node-redis exports none.

/** Of a cluster: fixed by the protocol (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */
export const slotCount = 16_384;

/** CRC-16/XMODEM: polynomial 0x1021, initial value 0. */
const crcOfByte = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x80_00) === 0 ? crc << 1 : (crc << 1) ^ 0x10_21;
  return crc;
});

/** From 0 to `slotCount` - 1. */
export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashedPart(key))) {
    crc = ((crc << 8) & 0xff_ff) ^ (crcOfByte[(crc >> 8) ^ byte] ?? 0);
  }
  return crc % slotCount;
}

/** What stands between the first `{` and the first `}` after it, unless that is nothing. */
function hashedPart(key: string): string {
  const start = key.indexOf('{') + 1;
  const end = start === 0 ? -1 : key.indexOf('}', start);
  return end > start ? key.slice(start, end) : key;
}
