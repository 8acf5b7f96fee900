import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from '../../../failure/failure.ts';
import { readJpegSegments } from '../../../image/file/jpeg-segments.ts';
import { layOnWhite } from '../../../image/transparency.ts';
import { encodeImage, listLostIn, requireEncodable } from './encode-image.ts';
import { decodeImage, readImageBytes, readImageFile } from './image-file.ts';
import { imageFormats } from './image-format.ts';
import { makeTiff } from './tiff.test-support.ts';

const width = 48;
const height = 32;

/** A smooth picture: lossy formats keep it within a few levels. */
const smooth = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [60 + 3 * (pixel % width), 80 + 4 * Math.floor(pixel / width), 120][i % 3]!;
});

function picture(): Sharp {
  return sharp(smooth, { raw: { width, height, channels: 3 } });
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!));
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return differences(a, b).reduce((largest, difference) => Math.max(largest, difference), 0);
}

async function displayP3(): Promise<Buffer> {
  return (await sharp(await picture().withIccProfile('p3').png().toBuffer()).metadata()).icc!;
}

function failureBy(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return failureOf(error);
  }
  return undefined;
}

describe('decodeImage', () => {
  it.each([
    ['png', picture().png(), 0],
    ['jpeg', picture().jpeg({ quality: 95, chromaSubsampling: '4:4:4' }), 6],
    ['webp', picture().webp({ lossless: true }), 0],
    ['avif', picture().avif({ quality: 90, chromaSubsampling: '4:4:4' }), 6],
    ['tiff', picture().tiff({ compression: 'lzw' }), 0],
    ['gif', picture().gif(), 40],
  ] as const)('reads %s', async (format, image, tolerance) => {
    const decoded = await decodeImage(await image.toBuffer());
    expect(decoded).toMatchObject({ format, dropped: [], notes: [], pixels: { width, height, channels: 3 } });
    expect(decoded.alpha).toBeUndefined();
    expect(decoded.look.profile).toBeUndefined();
    expect(largestDifference(decoded.pixels.data, smooth)).toBeLessThanOrEqual(tolerance);
  });

  it('applies the EXIF orientation', async () => {
    const data = new Uint8Array(2 * 3 * 3).fill(0);
    data.set([255, 255, 255], 0);
    for (const [orientation, corner] of [
      [1, [0, 0]],
      [2, [1, 0]],
      [3, [1, 2]],
      [6, [2, 0]],
      [8, [0, 1]],
    ] as const) {
      const bytes = await sharp(data, { raw: { width: 2, height: 3, channels: 3 } })
        .withExif({ IFD0: { Copyright: 'nobody' } })
        .withMetadata({ orientation })
        .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
        .toBuffer();
      const { pixels, metadata } = await decodeImage(bytes);
      expect([pixels.width, pixels.height]).toEqual(orientation > 4 ? [3, 2] : [2, 3]);
      const bright = pixels.data.findIndex((value) => value > 128) / 3;
      expect([bright % pixels.width, Math.floor(bright / pixels.width)], `${orientation}`).toEqual(corner);
      expect(metadata.exif).toBeDefined();
    }
  });

  it('leaves the numbers of an RGB picture alone and hands on its profile', async () => {
    const profile = await displayP3();
    const numbers = await sharp(await picture().withIccProfile('p3').png().toBuffer(), { ignoreIcc: true })
      .raw()
      .toBuffer();
    expect(largestDifference(numbers, smooth)).toBeGreaterThan(5);
    for (const bytes of [
      await picture().withIccProfile('p3').png().toBuffer(),
      await picture().withIccProfile('p3').tiff({ compression: 'lzw' }).toBuffer(),
    ]) {
      const decoded = await decodeImage(bytes);
      expect(decoded.look.profile).toEqual(profile);
      expect(largestDifference(decoded.pixels.data, numbers)).toBe(0);
      expect(decoded.dropped).toEqual([]);
    }
  });

  it.each(['jpeg', 'tiff'] as const)('converts a CMYK %s to sRGB', async (format) => {
    for (const image of [picture(), picture().withIccProfile('cmyk')]) {
      const decoded = await decodeImage(await image.toColourspace('cmyk').toFormat(format).toBuffer());
      expect(decoded.notes).toEqual(['converted from CMYK to sRGB']);
      expect(decoded.look.profile).toBeUndefined();
      expect(decoded.pixels.channels).toBe(3);
      // There and back through CMYK's narrower gamut and JPEG.
      const total = differences(decoded.pixels.data, smooth).reduce((sum, difference) => sum + difference, 0);
      expect(total / smooth.length).toBeLessThan(10);
    }
  });

  it('drops a profile that is not one for the picture, and reads the numbers', async () => {
    const cmyk = (
      await sharp(await picture().withIccProfile('cmyk').toColourspace('cmyk').jpeg().toBuffer()).metadata()
    ).icc!;
    for (const profile of [cmyk, Buffer.alloc(300, 7), Buffer.alloc(5)]) {
      const bytes = await encodeImage({ width, height, channels: 3, data: smooth }, 'png', { profile });
      const decoded = await decodeImage(bytes);
      expect(decoded.look.profile).toBeUndefined();
      expect(decoded.pixels.data).toEqual(smooth);
    }
  });

  it('reads 16-bit, grayscale, palette and 1-bit pictures as 8-bit RGB', async () => {
    const samples = Uint16Array.from(smooth, (value) => value * 257);
    const deep = sharp(samples, { raw: { width, height, channels: 3 } }).toColourspace('rgb16');
    for (const bytes of [
      await deep.clone().png().toBuffer(),
      await deep.clone().tiff({ compression: 'lzw' }).toBuffer(),
    ]) {
      const decoded = await decodeImage(bytes);
      expect(decoded.dropped).toEqual(['16-bit samples (8-bit now)']);
      expect(largestDifference(decoded.pixels.data, smooth)).toBe(0);
    }
    const ten = await decodeImage(await picture().avif({ bitdepth: 10, quality: 95 }).toBuffer());
    expect(ten.dropped).toEqual(['10-bit samples (8-bit now)']);
    expect(largestDifference(ten.pixels.data, smooth)).toBeLessThan(8);
    for (const image of [
      picture().toColourspace('b-w').png(),
      picture().toColourspace('grey16').png(),
      picture().toColourspace('b-w').jpeg(),
      sharp(await picture().toColourspace('b-w').png().toBuffer())
        .threshold(128)
        .png({ palette: true, colours: 2 }),
    ]) {
      const { pixels } = await decodeImage(await image.toBuffer());
      expect(pixels).toMatchObject({ width, height, channels: 3 });
      expect(pixels.data.every((value, i) => i % 3 === 0 || value === pixels.data[i - 1])).toBe(true);
    }
    const palette = await decodeImage(await picture().png({ palette: true, colours: 256 }).toBuffer());
    expect(largestDifference(palette.pixels.data, smooth)).toBeLessThan(40);
  });

  it('keeps alpha apart, and the colours as they are', async () => {
    const data = Uint8Array.from([200, 100, 0, 255, 200, 100, 0, 51, 9, 9, 9, 0]);
    const image = sharp(data, { raw: { width: 3, height: 1, channels: 4 } });
    for (const bytes of [
      await image.clone().png().toBuffer(),
      await image.clone().tiff({ compression: 'lzw' }).toBuffer(),
    ]) {
      const { pixels, alpha, dropped } = await decodeImage(bytes);
      expect([...pixels.data]).toEqual([200, 100, 0, 200, 100, 0, 9, 9, 9]);
      expect(alpha).toMatchObject({ width: 3, height: 1, channels: 1 });
      expect([...alpha!.data]).toEqual([255, 51, 0]);
      expect(dropped).toEqual([]);
    }
    expect((await decodeImage(await picture().ensureAlpha(1).png().toBuffer())).alpha).toBeUndefined();
    const gray = await decodeImage(await picture().toColourspace('b-w').ensureAlpha(0.5).png().toBuffer());
    expect(gray).toMatchObject({ pixels: { channels: 3 }, alpha: { channels: 1 } });
  });

  it('reads 16 bits when asked to', async () => {
    const samples = Uint16Array.from({ length: width * height * 3 }, (_, i) => (i * 257 + 1000) % 65536);
    const image = sharp(samples, { raw: { width, height, channels: 3 } }).toColourspace('rgb16');
    for (const bytes of [
      await image.clone().png().toBuffer(),
      await image.clone().tiff({ compression: 'lzw' }).toBuffer(),
    ]) {
      const { deepPixels, pixels, dropped } = await decodeImage(bytes, { deep: true });
      expect(dropped).toEqual([]);
      expect(Array.from(deepPixels!.data, (value) => Math.round(value * 257))).toEqual([...samples]);
      expect(largestDifference(deepPixels!.data, pixels.data)).toBeLessThanOrEqual(1);
    }
    expect((await decodeImage(await picture().png().toBuffer(), { deep: true })).deepPixels).toBeUndefined();
  });

  it('says what it leaves out', async () => {
    const frames = [picture(), picture().negate()].map((frame) => frame.png().toBuffer());
    const animation = sharp(await Promise.all(frames), { join: { animated: true } });
    for (const file of [
      animation.clone().gif(),
      animation.clone().webp({ lossless: true }),
      animation.clone().tiff(),
    ])
      expect((await decodeImage(await file.toBuffer())).dropped).toEqual(['1 more page or frame']);
  });

  it('reads a picture of one pixel', async () => {
    const one = sharp(Uint8Array.from([1, 2, 3]), { raw: { width: 1, height: 1, channels: 3 } });
    expect([...(await decodeImage(await one.png().toBuffer())).pixels.data]).toEqual([1, 2, 3]);
  });

  it('refuses what is no picture, or none it can read', async () => {
    const bmp = Buffer.concat([Buffer.from('BM'), Buffer.alloc(60)]);
    const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')]);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(decodeImage(Buffer.alloc(0))).rejects.toThrow('the file is empty');
    await expect(decodeImage(Buffer.from('plain text'))).rejects.toThrow('it is not a picture');
    await expect(decodeImage(Buffer.from('x'))).rejects.toThrow('it is not a picture');
    await expect(decodeImage(bmp)).rejects.toThrow(
      'BMP files cannot be read; convert it to PNG or JPEG first',
    );
    await expect(decodeImage(heic)).rejects.toThrow('HEIC files cannot be read');
    await expect(decodeImage(svg)).rejects.toThrow('SVG files cannot be read');
    await expect(decodeImage(Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]))).rejects.toThrow(
      /^the PNG file (ends too early|is damaged)/,
    );
  });

  it.each(['png', 'jpeg', 'webp', 'avif', 'tiff'] as const)('refuses half a %s', async (format) => {
    const noise = Uint8Array.from({ length: 128 * 128 * 3 }, (_, i) => (i * i * 37) >> 5);
    const bytes = await sharp(noise, { raw: { width: 128, height: 128, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    const half = bytes.subarray(0, bytes.length / 2);
    await expect(decodeImage(half)).rejects.toThrow(/^the \w+ file (ends too early|is damaged)[^\n]*$/);
  });

  it.each([0.2, 0.9, 0.99])(
    'says of a TIFF file of which %f is there that it ends too early',
    async (part) => {
      const noise = Buffer.alloc(60 * 60 * 3, 'noise');
      const tiff = await sharp(noise, { raw: { width: 60, height: 60, channels: 3 } })
        .tiff()
        .toBuffer();
      const cut = decodeImage(tiff.subarray(0, Math.floor(tiff.length * part)));
      await expect(cut).rejects.toThrow(/^the TIFF file ends too early/);
    },
  );

  it('says the same of one whose pixels would lie behind its end', async () => {
    const data = new Uint8Array(8 * 8 * 3);
    const tiff = makeTiff({ width: 8, height: 8, photometric: 2, samplesPerPixel: 3, bits: 8, data });
    // StripOffsets, one LONG.
    tiff.writeUInt32LE(tiff.length - 20, tiff.indexOf(Buffer.of(0x11, 1, 4, 0, 1, 0, 0, 0)) + 8);
    await expect(decodeImage(tiff)).rejects.toThrow(/^the TIFF file ends too early/);
  });

  it('refuses more pixels than allowed, by the header alone', async () => {
    await expect(decodeImage(hugePng(60_000, 60_000))).rejects.toThrow(
      'its 60000 x 60000 pixels are 3600 million, more than the 100 million that are read',
    );
    const small = decodeImage(await picture().png().toBuffer(), { maxPixels: 1000 });
    const refusal: unknown = await small.catch((error: unknown) => error);
    expect(String(refusal)).toContain(
      'its 48 x 32 pixels are 0.001536 million, more than the 0.001 million that are',
    );
    expect(failureOf(refusal)).toEqual({ code: 'picture-too-large', canBeRaised: true });
    // What nobody may raise.
    const huge: unknown = await decodeImage(hugePng(30_000, 30_000), { maxPixels: 1e9 }).catch(
      (e: unknown) => e,
    );
    expect(String(huge)).toContain('are 900 million, more than the 400 million that are read');
    expect(failureOf(huge)).toEqual({ code: 'picture-too-large', canBeRaised: false });
  });

  it('reads more where it is allowed to, with 8 bits a sample, so that memory is bounded', async () => {
    const size = { width: 10_001, height: 10_000 };
    const blank = sharp({ create: { ...size, channels: 3, background: '#123' }, limitInputPixels: false });
    const png = await blank.toColourspace('rgb16').png({ compressionLevel: 1 }).toBuffer();
    await expect(decodeImage(png, { deep: true })).rejects.toThrow(
      'are 100.01 million, more than the 100 million',
    );
    const { pixels, deepPixels, dropped } = await decodeImage(png, { deep: true, maxPixels: 101e6 });
    expect(pixels).toMatchObject(size);
    expect([...pixels.data.subarray(-3)]).toEqual([0x11, 0x22, 0x33]);
    expect(deepPixels).toBeUndefined();
    expect(dropped).toEqual(['16-bit samples (8-bit now)']);
  });

  it('reads files as large as the allowed pixels may be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'large-'));
    const file = join(folder, 'large.png');
    try {
      const handle = await open(file, 'w');
      await handle.truncate(600 * 2 ** 20);
      await handle.close();
      const refusal: unknown = await readImageBytes(file).catch((error: unknown) => error);
      expect(String(refusal)).toMatch(/large\.png: it has 629145600 bytes, more than the 536870912 that/);
      expect(failureOf(refusal)).toEqual({ code: 'picture-too-large', canBeRaised: true });
      await expect(readImageBytes(file, { maxPixels: 150e6 })).rejects.toThrow('more than the 600000000');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** A few bytes that claim to be a large picture. */
function hugePng(wide: number, high: number): Buffer {
  const chunk = (type: string, content: Buffer): Buffer => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), content, Buffer.alloc(4)]);
    bytes.writeUInt32BE(content.length, 0);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
    return bytes;
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(wide, 0);
  header.writeUInt32BE(high, 4);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(100))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('encodeImage', () => {
  const pixels = { width, height, channels: 3, data: smooth } as const;
  const alpha = { width, height, channels: 1, data: smooth.filter((_, i) => i % 3 === 0) } as const;

  it.each(imageFormats)('writes %s that reads back, with profile and alpha', async (format) => {
    const profile = await displayP3();
    const lossless = format !== 'jpeg';
    for (const extras of [{}, { profile }, { alpha }, { profile, alpha }]) {
      const bytes = await encodeImage(pixels, format, extras);
      const stored = await sharp(bytes, { ignoreIcc: true }).removeAlpha().raw().toBuffer();
      const decoded = await decodeImage(bytes);
      expect(decoded.format).toBe(format);
      expect(decoded.look.profile && Buffer.compare(decoded.look.profile, profile)).toBe(
        extras.profile ? 0 : undefined,
      );
      const shown = lossless ? smooth : layOnWhite({ pixels, ...extras }).data;
      expect(largestDifference(stored, shown)).toBeLessThanOrEqual(lossless ? 0 : 6);
      if (extras.alpha && format !== 'jpeg')
        expect(largestDifference(decoded.alpha!.data, alpha.data)).toBeLessThanOrEqual(lossless ? 0 : 6);
      else expect(decoded.alpha).toBeUndefined();
    }
  });
});

it('writes JPEG at quality 95, with whole colour resolution', async () => {
  const { pixels } = await decodeImage(await picture().png().toBuffer());
  const jpeg = await encodeImage(pixels, 'jpeg');
  expect((await sharp(jpeg).metadata()).chromaSubsampling).toBe('4:4:4');
  const { segments } = readJpegSegments(jpeg);
  const tables = segments.find(({ marker }) => marker === 0xdb)!.content;
  // The Independent JPEG Group's scaling of Annex K's table of luminance, in the order of its diagonals.
  const base = [16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40];
  const quality = 95;
  expect([...tables.subarray(1, 1 + base.length)]).toEqual(
    base.map((value) => Math.floor((value * (200 - 2 * quality) + 50) / 100)),
  );
});

describe('requireEncodable', () => {
  it.each([
    ['jpeg', 65_500],
    ['webp', 16_383],
    ['avif', 16_384],
  ] as const)('knows the longest side of %s', async (format, longest) => {
    for (const width of [longest, longest + 1]) {
      const attempt = encodeImage({ width, height: 1, channels: 3, data: new Uint8Array(3 * width) }, format);
      const works = await attempt.then(
        () => true,
        () => false,
      );
      if (works) requireEncodable({ width, height: 1 }, format);
      else
        expect(() => requireEncodable({ width, height: 1 }, format)).toThrow(`sides of ${longest} at most`);
    }
    expect(failureBy(() => requireEncodable({ width: longest + 1, height: 1 }, format))).toEqual({
      code: 'result-too-large',
      format,
    });
  });

  it('bounds what is written', () => {
    requireEncodable({ width: 20_000, height: 20_000 }, 'png');
    expect(() => requireEncodable({ width: 20_001, height: 20_000 }, 'png')).toThrow(
      '400 million are the most',
    );
  });
});

describe('readImageFile', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'image-file-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('goes by content, not by name, and reads any name', async () => {
    const path = join(root, 'Gesicht Jürgen 脸 [1].webp');
    await writeFile(path, await picture().jpeg().toBuffer());
    expect((await readImageFile(path)).format).toBe('jpeg');
  });

  it('names the file in every error', async () => {
    const text = join(root, 'text.png');
    await writeFile(text, 'text');
    await mkdir(join(root, 'x.png'));
    await symlink('loop.png', join(root, 'loop.png'));
    await expect(readImageFile(text)).rejects.toThrow(`Cannot read ${text}: it is not a picture`);
    await expect(readImageFile(join(root, 'x.png'))).rejects.toThrow(/x\.png: it is not a regular file$/);
    await expect(readImageFile(join(root, 'loop.png'))).rejects.toThrow(/symbolic links form a loop$/);
    await expect(readImageFile(join(root, 'none.png'))).rejects.toThrow(/there is no such file or folder$/);
    await expect(readImageFile(text, { maxBytes: 3 })).rejects.toThrow(
      'it has 4 bytes, more than the 3 that a picture may have',
    );
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe', async () => {
    const pipe = join(root, 'pipe.png');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    await expect(readImageFile(pipe)).rejects.toThrow('it is not a regular file');
  });

  it.skipIf(process.getuid?.() === 0)('says when permission is missing', async () => {
    const path = join(root, 'closed.png');
    await writeFile(path, '');
    await chmod(path, 0);
    await expect(readImageFile(path)).rejects.toThrow(`Cannot read ${path}: permission denied`);
  });
});

describe('what goes from one file into the next', () => {
  const xmp =
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>';

  it('EXIF and XMP, for an upright picture', async () => {
    const source = await picture()
      .withExif({ IFD0: { Copyright: 'nobody' } })
      .withXmp(xmp)
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { pixels, metadata } = await decodeImage(source);
    for (const format of imageFormats) {
      const written = await sharp(await encodeImage(pixels, format, { metadata })).metadata();
      expect(written.orientation ?? 1, format).toBe(1);
      expect(written.xmp?.toString(), format).toContain('<tiff:Orientation>1<');
      const { exif } = (await decodeImage(await encodeImage(pixels, format, { metadata }))).metadata;
      expect(exif && Buffer.from(exif).includes('nobody'), format).toBe(true);
    }
    expect(listLostIn('tiff', { metadata, look: {} })).toEqual([]);
    expect(listLostIn('jpeg', { metadata, look: {} })).toEqual([]);
  });

  it('not EXIF that is damaged', async () => {
    const { pixels } = await decodeImage(await picture().png().toBuffer());
    for (const exif of [
      new Uint8Array(0),
      new Uint8Array(5),
      Uint8Array.from([0x49, 0x49, 42, 0, 255, 255, 0, 0]),
    ]) {
      const bytes = await encodeImage(pixels, 'png', { metadata: { exif } });
      expect((await sharp(bytes).metadata()).exif).toBeUndefined();
    }
  });

  it('16 bits, where the format has them, with alpha and profile', async () => {
    const data = Float32Array.from({ length: width * height * 3 }, (_, i) => ((i * 31) % 65536) / 257);
    const alpha = { width, height, channels: 1, data: new Uint8Array(width * height).fill(77) } as const;
    const profile = await displayP3();
    const deep = { width, height, channels: 3, data } as const;
    for (const format of ['png', 'tiff'] as const)
      for (const extras of [{}, { profile }, { alpha, profile }]) {
        const decoded = await decodeImage(await encodeImage(deep, format, extras), { deep: true });
        expect(decoded.look.profile, format).toEqual('profile' in extras ? profile : undefined);
        if ('alpha' in extras) expect([...decoded.alpha!.data]).toEqual([...alpha.data]);
        else expect(largestDifference(decoded.deepPixels!.data, data), format).toBeLessThan(1e-4);
      }
    expect((await sharp(await encodeImage(deep, 'webp')).metadata()).depth).toBe('uchar');
    expect(listLostIn('webp', { deepPixels: deep, alpha, look: {}, metadata: {} })).toEqual([
      '16-bit samples (8-bit now)',
    ]);
  });
});
