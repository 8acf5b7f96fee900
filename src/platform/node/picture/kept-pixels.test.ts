import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { joinPngChunks } from '../../../image/file/png-chunks.ts';
import { encodeImage, listLostIn } from './encode-image.ts';
import { decodeImage, type ImageFile } from './image-file.ts';
import type { ImageFormat } from './image-format.ts';
import { makeTiff } from './tiff.test-support.ts';

/** What a picture that nothing was done to becomes in its own format. */
async function throughRestore(bytes: Uint8Array, as?: ImageFormat): Promise<[ImageFile, ImageFile]> {
  const before = await decodeImage(bytes, { deep: true });
  const { pixels, deepPixels, alpha, deepAlpha, look, metadata } = before;
  const written = await encodeImage(deepPixels ?? pixels, as ?? (before.format as ImageFormat), {
    ...look,
    alpha: deepAlpha ?? alpha,
    metadata,
  });
  return [before, await decodeImage(written, { deep: true })];
}

const [width, height] = [16, 12];
/** Opaque, transparent and everything between, with colours under all of it. */
const samples = Uint8Array.from({ length: width * height * 4 }, (_, i) =>
  i % 4 === 3 ? (i >> 2) * 13 : i * 31,
);
const others = Uint8Array.from(samples, (value, i) => (i % 4 === 3 ? 255 - value : value ^ 0x5a));

/** TIFF would be compressed as JPEG. */
const lossless = { compression: 'lzw' } as never;

const raw = { raw: { width, height, channels: 4 } } as const;

describe('partial transparency', () => {
  it.each([
    ['png', samples],
    ['png', others],
    ['webp', samples],
    ['webp', others],
    ['tiff', samples],
    ['tiff', others],
    ['avif', samples],
    ['avif', others],
  ] as const)('%s keeps colours and alpha to the bit, also where alpha is 0', async (format, data) => {
    const image = sharp(data, raw);
    const bytes = await (format === 'webp'
      ? image.webp({ lossless: true, exact: true })
      : format === 'avif'
        ? image.avif({ lossless: true })
        : image.toFormat(format, lossless)
    ).toBuffer();
    const [before, after] = await throughRestore(bytes);
    expect([...before.pixels.data]).toEqual([...data].filter((_, i) => i % 4 !== 3));
    expect([...before.alpha!.data]).toEqual([...data].filter((_, i) => i % 4 === 3));
    expect(after.format).toBe(format);
    expect(after.pixels.data).toEqual(before.pixels.data);
    expect(after.alpha!.data).toEqual(before.alpha!.data);
    expect(before.dropped).toEqual([]);
  });

  it.each([
    ['png', 1009],
    ['png', 7919],
    ['tiff', 1009],
    ['tiff', 7919],
  ] as const)('16 bits of a %s stay, colours and alpha', async (format, step) => {
    const deep = Uint16Array.from({ length: width * height * 4 }, (_, i) => (i * step) % 65536);
    const bytes = await sharp(deep, raw).toColourspace('rgb16').toFormat(format, lossless).toBuffer();
    const [before, after] = await throughRestore(bytes);
    const whole = (data: Float32Array): number[] => Array.from(data, (value) => Math.round(value * 257));
    expect(whole(before.deepPixels!.data)).toEqual([...deep].filter((_, i) => i % 4 !== 3));
    expect(whole(before.deepAlpha!.data)).toEqual([...deep].filter((_, i) => i % 4 === 3));
    expect(after.deepPixels!.data).toEqual(before.deepPixels!.data);
    expect(after.deepAlpha!.data).toEqual(before.deepAlpha!.data);
  });

  it('of colours already multiplied with it is undone', async () => {
    const data = Uint8Array.from([40, 20, 0, 51, 200, 100, 50, 255]);
    const tiff = makeTiff({
      ...{ width: 2, height: 1, photometric: 2, samplesPerPixel: 4, bits: 8 },
      extraSamples: [1],
      data,
    });
    const { pixels, alpha } = await decodeImage(tiff);
    expect([...pixels.data]).toEqual([200, 100, 0, 200, 100, 50]);
    expect([...alpha!.data]).toEqual([51, 255]);
  });
});

const rgb = { width: 2, height: 1, photometric: 2 } as const;

describe('channels that are no transparency', () => {
  it.each([
    ['a saved selection', 3, [0], [0, 200]],
    ['two saved selections', 3, [0, 0], [0, 200, 7, 8]],
    ['a selection before the transparency', 3, [0, 2], [0, 51, 9, 255]],
  ] as const)('%s leaves the colours alone', async (_, colors, extraSamples, extras) => {
    const perPixel = extras.length / 2;
    const pixel = (i: number): number[] => [
      10 + i,
      20,
      30,
      ...extras.slice(i * perPixel, (i + 1) * perPixel),
    ];
    const data = Uint8Array.from([...pixel(0), ...pixel(1)]);
    const tiff = makeTiff({ ...rgb, samplesPerPixel: colors + perPixel, bits: 8, extraSamples, data });
    const image = await decodeImage(tiff);
    expect([...image.pixels.data]).toEqual([10, 20, 30, 11, 20, 30]);
    const hasAlpha = extraSamples.includes(2 as never);
    expect(image.alpha && [...image.alpha.data]).toEqual(hasAlpha ? [51, 255] : undefined);
    const count = perPixel - (hasAlpha ? 1 : 0);
    expect(image.dropped).toEqual([
      count === 1 ? '1 channel that is no transparency' : '2 channels that are no transparency',
    ]);
  });

  it('a selection of a gray and of a CMYK picture', async () => {
    const gray = { width: 2, height: 1, photometric: 1, samplesPerPixel: 2, bits: 8 } as const;
    const image = await decodeImage(
      makeTiff({ ...gray, extraSamples: [0], data: Uint8Array.of(90, 0, 91, 255) }),
    );
    expect([...image.pixels.data]).toEqual([90, 90, 90, 91, 91, 91]);
    expect(image.alpha).toBeUndefined();
    const cmyk = { width: 2, height: 1, photometric: 5, bits: 8 } as const;
    const ink = [0, 128, 255, 0];
    const plain = makeTiff({ ...cmyk, samplesPerPixel: 4, data: Uint8Array.from([...ink, ...ink]) });
    const selected = makeTiff({
      ...{ ...cmyk, samplesPerPixel: 5, extraSamples: [0] },
      data: Uint8Array.from([...ink, 0, ...ink, 128]),
    });
    const decoded = await decodeImage(selected);
    expect(decoded.pixels).toEqual((await decodeImage(plain)).pixels);
    expect(decoded.alpha).toBeUndefined();
  });
});

async function icc(name: string): Promise<Uint8Array> {
  const png = await sharp(samples, raw).withIccProfile(name).png().toBuffer();
  return (await sharp(png).metadata()).icc!;
}

describe('samples of 32 bits', () => {
  const values = [0, 0.25, 0.5, 0.75, 1, 0.1];
  const float = { ...rgb, samplesPerPixel: 3, bits: 32, sampleFormat: 3 } as const;
  const bytesOf = (numbers: readonly number[]) => new Uint8Array(Float32Array.from(numbers).buffer);

  it.each(['srgb', 'p3'])('floats with the profile %s are its numbers', async (name) => {
    const profile = await icc(name);
    const tiff = makeTiff({ ...float, data: bytesOf(values), tags: [[34_675, profile]] });
    const [image, after] = await throughRestore(tiff);
    expect(Array.from(image.deepPixels!.data, (value) => value / 255)).toEqual(
      values.map((value) => expect.closeTo(value, 5)),
    );
    expect([...image.pixels.data]).toEqual([0, 64, 128, 191, 255, 26]);
    expect(image.notes).toEqual([]);
    expect(image.dropped).toEqual(['32-bit samples (16-bit now)']);
    expect(after.look.profile).toEqual(Buffer.from(profile));
    expect(
      after.deepPixels!.data.every((value, i) => Math.abs(value - image.deepPixels!.data[i]!) < 1 / 257),
    ).toBe(true);
  });

  it('floats without a profile are light', async () => {
    const tiff = makeTiff({ ...float, data: bytesOf(values) });
    const { pixels, notes } = await decodeImage(tiff);
    expect([...pixels.data]).toEqual([0, 137, 188, 225, 255, 89]);
    expect(notes).toEqual(['converted from linear light to sRGB']);
    const gray = { ...float, photometric: 1, samplesPerPixel: 1 };
    const single = await decodeImage(makeTiff({ ...gray, data: bytesOf([0.25, Number.NaN]) }));
    expect([...single.pixels.data]).toEqual([137, 137, 137, 0, 0, 0]);
  });

  it('floats with alpha keep it', async () => {
    const data = bytesOf([0.25, 0.5, 0.75, 0.2, 1, 1, 1, 1]);
    const rgba = { ...float, samplesPerPixel: 4, extraSamples: [2], data };
    const { pixels, alpha } = await decodeImage(makeTiff({ ...rgba, tags: [[34_675, await icc('srgb')]] }));
    expect([...pixels.data]).toEqual([64, 128, 191, 255, 255, 255]);
    expect([...alpha!.data]).toEqual([51, 255]);
  });

  it('whole numbers keep their first 16 bits', async () => {
    const numbers = Uint32Array.of(0, 2 ** 30, 2 ** 31, 2 ** 32 - 1, 2 ** 24, 5);
    const tiff = makeTiff({ ...rgb, samplesPerPixel: 3, bits: 32, data: new Uint8Array(numbers.buffer) });
    const { pixels, deepPixels, dropped } = await decodeImage(tiff, { deep: true });
    expect(Array.from(deepPixels!.data, (value) => Math.round(value * 257))).toEqual([
      ...[0, 16_384, 32_768, 65_535, 256, 0],
    ]);
    expect([...pixels.data]).toEqual([0, 64, 128, 255, 1, 0]);
    expect(dropped).toEqual(['32-bit samples (16-bit now)']);
  });

  it('signed ones are refused, and said to be', async () => {
    const data = new Uint8Array(Int16Array.of(1, 2, 3, -1, -2, -3).buffer);
    const tiff = makeTiff({ ...rgb, samplesPerPixel: 3, bits: 16, sampleFormat: 2, data });
    await expect(decodeImage(tiff)).rejects.toThrow(/^its samples are of the kind short/);
  });
});

/** A PNG of black pixels that says of itself whatever it is told to. */
function blackPng(wide: number, high: number): Uint8Array {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  header.writeUInt32BE(wide, 0);
  header.writeUInt32BE(high, 4);
  const row = Buffer.alloc(1 + Math.ceil(wide / 8));
  return joinPngChunks([
    { type: 'IHDR', content: header },
    { type: 'IDAT', content: deflateSync(Buffer.alloc(row.length * high)) },
    { type: 'IEND', content: new Uint8Array(0) },
  ]);
}

describe('limits', () => {
  it.each([
    [100_000_000, 1],
    [1, 300_000],
  ])('refuse a picture of %i x %i by its side, in little memory', async (wide, high) => {
    const before = process.memoryUsage().rss;
    await expect(decodeImage(blackPng(wide, high))).rejects.toThrow(
      'its longer side has more than 200000 pixels',
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  it('leave out texts without end, before anything unpacks them', async () => {
    const [start, ...rest] = [
      { type: 'IHDR', content: Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 1, 0, 0, 0, 0]) },
      { type: 'IDAT', content: deflateSync(Buffer.alloc(16)) },
      { type: 'IEND', content: new Uint8Array(0) },
    ];
    const bomb = {
      type: 'zTXt',
      content: Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), deflateSync(Buffer.alloc(6_000_000))]),
    };
    const png = joinPngChunks([start!, ...Array.from({ length: 1500 }, () => bomb), ...rest]);
    const before = process.memoryUsage().rss;
    const image = await decodeImage(png);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    expect(image.metadata.texts!.length).toBeLessThanOrEqual(1000);
    expect(image.dropped).toEqual([expect.stringMatching(/^\d+ texts \(too many, or too long\)$/)]);
    expect(listLostIn('jpeg', image)).toEqual([`${image.metadata.texts!.length} text chunks`]);
  });

  it('leave out XMP that unpacks to more', async () => {
    const packed = deflateSync(Buffer.alloc(9_000_000, 32));
    const xmp = {
      type: 'iTXt',
      content: Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\x01\0\0\0', 'latin1'), packed]),
    };
    const [header, ...rest] = [
      { type: 'IHDR', content: Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 1, 0, 0, 0, 0]) },
      xmp,
      { type: 'IDAT', content: deflateSync(Buffer.alloc(16)) },
      { type: 'IEND', content: new Uint8Array(0) },
    ];
    const { metadata, dropped } = await decodeImage(joinPngChunks([header!, ...rest]));
    expect(metadata.xmp).toBeUndefined();
    expect(dropped).toEqual(['PNG chunks raw profile']);
  });
});
