import { expect, it } from 'vitest';
import { crc32 } from './crc32.ts';

it("gives the polynomial's published check value", () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});

it.each([0, 1, 7, 8, 9, 64, 1001])('agrees with bit-by-bit division over %i bytes', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + 13) & 255);
  let crc = 0xffffffff;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const carry = (crc ^ (byte >> bit)) & 1;
      crc = (crc >>> 1) ^ (carry ? 0xedb88320 : 0);
    }
  expect(crc32(bytes)).toBe(~crc >>> 0);
});

it('goes on from piece to piece', () => {
  const bytes = new TextEncoder().encode('123456789');
  for (const cut of [0, 1, 4, 9])
    expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(0xcbf43926);
});
