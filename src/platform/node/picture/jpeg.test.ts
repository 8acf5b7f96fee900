import { describe, expect, test } from 'vitest';
import { createPixels } from '../../../image/pixels.ts';
import { psnr } from '../../../metrics/psnr.ts';
import { decodeJpeg, encodeJpeg } from './jpeg.ts';

const smooth = createPixels(
  40,
  30,
  3,
  Uint8Array.from({ length: 3600 }, (_, i) => 128 + 90 * Math.sin(i / 150)),
);

describe('JPEG', () => {
  test('keeps an image, the better the higher the quality', async () => {
    const kept = async (quality: number) => psnr(await decodeJpeg(await encodeJpeg(smooth, quality)), smooth);
    expect(await kept(95)).toBeGreaterThan(38);
    expect(await kept(95)).toBeGreaterThan(await kept(10));
  });

  test('has the standard tables, scaled by the quality, and halved chroma', async () => {
    const bytes = await encodeJpeg(smooth, 50);
    // Quality 50 leaves the tables of Annex K as they are; the first luma table begins 16, 11, 12 in zigzag order.
    const table = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xdb);
    expect([...bytes.slice(table + 5, table + 8)]).toEqual([16, 11, 12]);
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
    expect(frame).toBeGreaterThan(0);
    expect([11, 14, 17].map((at) => bytes[frame + at])).toEqual([0x22, 0x11, 0x11]);
  });

  test('rejects other channels and other qualities', async () => {
    const rgba = createPixels(1, 1, 4, new Uint8Array(4));
    await expect(encodeJpeg(rgba, 90)).rejects.toThrow('4 channels');
    await expect(encodeJpeg(smooth, 0)).rejects.toThrow('quality 0');
    await expect(encodeJpeg(smooth, 71.5)).rejects.toThrow('71.5');
  });

  test('rejects bytes that are no JPEG, and cut ones', async () => {
    await expect(decodeJpeg(Uint8Array.of(1, 2, 3))).rejects.toThrow('do not begin');
    const bytes = await encodeJpeg(smooth, 90);
    await expect(decodeJpeg(bytes.subarray(0, bytes.length / 2))).rejects.toThrow('Cannot decode a JPEG of');
  });
});
