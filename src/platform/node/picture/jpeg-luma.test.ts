import sharp from 'sharp';
import { expect, it } from 'vitest';
import { decodeJpeg } from './jpeg.ts';
import { decodeJpegLuma } from './jpeg-luma.ts';

const noise = Uint8Array.from({ length: 40 * 24 * 3 }, (_, i) => (i * i * 31 + 17 * i) % 256);
const raw = { raw: { width: 40, height: 24, channels: 3 } } as const;

it("is a gray JPEG's own levels", async () => {
  const gray = await sharp(noise, raw).toColourspace('b-w').jpeg({ quality: 80 }).toBuffer();
  const { data } = await decodeJpeg(gray);
  expect([...(await decodeJpegLuma(gray)).data]).toEqual([...data.filter((_, i) => i % 3 === 0)]);
});

it('is what colours were made of: within rounding of their luma, and not derived from them', async () => {
  const jpeg = await sharp(noise, raw).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
  const luma = await decodeJpegLuma(jpeg);
  const { data } = await decodeJpeg(jpeg);
  expect([luma.width, luma.height]).toEqual([40, 24]);
  const errors = [...luma.data].flatMap((level, i) => {
    const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    // Clipped colours have lost their luma.
    const clipped = [r, g, b].some((value) => value === 0 || value === 255);
    return clipped ? [] : [Math.abs(level - (0.299 * r + 0.587 * g + 0.114 * b))];
  });
  expect(errors.length).toBeGreaterThan(100);
  expect(Math.max(...errors)).toBeLessThan(1.1);
});

it('stands upright', async () => {
  const turned = await sharp(noise, raw).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const { width, height } = await decodeJpegLuma(turned);
  expect([width, height]).toEqual([24, 40]);
});

it('refuses what is no JPEG', async () => {
  await expect(decodeJpegLuma(Uint8Array.of(1, 2, 3, 4))).rejects.toThrow('Cannot decode a JPEG of 4 bytes');
});
