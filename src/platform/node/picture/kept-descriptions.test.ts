import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readNclx } from '../../../image/file/color-code.ts';
import type { Density } from '../../../image/file/density.ts';
import { rationalEntry, readIfd, shortEntry, writeExif } from '../../../image/file/ifd.ts';
import {
  insertJpegSegments,
  joinJpegSegments,
  jpegMarker,
  jpegSegment,
  readJpegSegments,
} from '../../../image/file/jpeg-segments.ts';
import { insertPngChunks, type PngChunk, pngKeyword, readPngChunks } from '../../../image/file/png-chunks.ts';
import { encodeImage, listLostIn } from './encode-image.ts';
import { decodeImage, type ImageFile } from './image-file.ts';
import { type ImageFormat, imageFormats } from './image-format.ts';
import { makeTiff } from './tiff.test-support.ts';

const [width, height] = [40, 24];
const smooth = Uint8Array.from({ length: width * height * 3 }, (_, i) => 60 + (i % (3 * width)));
const picture = () => sharp(smooth, { raw: { width, height, channels: 3 } });

/** What a restored picture says, in a format. */
async function restoredAs(bytes: Uint8Array, format: ImageFormat, enlarged = 1): Promise<ImageFile> {
  const { pixels, look, metadata } = await decodeImage(bytes);
  return decodeImage(await encodeImage(pixels, format, { ...look, metadata, enlarged }));
}

const chunkNames = (png: Uint8Array): string[] => [...readPngChunks(png)].map(({ type }) => type);

describe('print resolution', () => {
  const sources: [string, Density, () => Promise<Uint8Array>][] = [
    [
      'PNG of 300 dpi',
      { x: 11_811, y: 11_811, unit: 'metre' },
      () => picture().withMetadata({ density: 300 }).png().toBuffer(),
    ],
    [
      'PNG of 72 dpi',
      { x: 2835, y: 2835, unit: 'metre' },
      () => picture().withMetadata({ density: 72 }).png().toBuffer(),
    ],
    [
      'JPEG of 300 dpi',
      { x: 300, y: 300, unit: 'inch' },
      async () =>
        insertJpegSegments(await picture().jpeg().toBuffer(), { density: { x: 300, y: 300, unit: 'inch' } }),
    ],
    [
      'JPEG of 118 dots a centimetre',
      { x: 118, y: 59, unit: 'centimetre' },
      async () =>
        insertJpegSegments(await picture().jpeg().toBuffer(), {
          density: { x: 118, y: 59, unit: 'centimetre' },
        }),
    ],
    [
      'TIFF of 600 dpi',
      { x: 600, y: 600, unit: 'inch' },
      () => picture().withMetadata({ density: 600 }).tiff({ resolutionUnit: 'inch' }).toBuffer(),
    ],
  ];
  const perInch = ({ x, y, unit }: Density): number[] =>
    [x, y].map((value) => Math.round(value * { inch: 1, centimetre: 2.54, metre: 0.0254, none: 0 }[unit]));

  it.each(sources)('of a %s is kept in every format, times the enlargement', async (_, density, make) => {
    const bytes = await make();
    const found = (await decodeImage(bytes)).look.density!;
    expect(found.x).toBeCloseTo(density.x, 0);
    expect(found.y).toBeCloseTo(density.y, 0);
    for (const format of imageFormats)
      for (const enlarged of [1, 2]) {
        const { look } = await restoredAs(bytes, format, enlarged);
        const [x, y] = perInch(density);
        expect(Math.abs(perInch(look.density!)[0]! - enlarged * x!), format).toBeLessThanOrEqual(1);
        expect(Math.abs(perInch(look.density!)[1]! - enlarged * y!), format).toBeLessThanOrEqual(1);
      }
    const { metadata, look } = await decodeImage(bytes);
    for (const format of imageFormats) expect(listLostIn(format, { metadata, look })).toEqual([]);
  });

  it.each(imageFormats)('is not invented in %s', async (format) => {
    const png = insertPngChunks(await picture().png().toBuffer(), {});
    for (const source of [png, await picture().jpeg().toBuffer(), await picture().webp().toBuffer()]) {
      const { pixels, look, metadata } = await decodeImage(source);
      expect(look.density).toBeUndefined();
      const exif = writeExif([{ tag: 0x8298, type: 2, count: 7, data: Buffer.from('nobody\0') }]);
      for (const known of [metadata, { ...metadata, exif }]) {
        const bytes = await encodeImage(pixels, format, { ...look, metadata: known });
        const written = await decodeImage(bytes);
        expect(written.look.density).toBeUndefined();
        if (format === 'png') expect(chunkNames(bytes)).not.toContain('pHYs');
        const ifd = written.metadata.exif && readIfd(written.metadata.exif);
        expect(ifd?.some(({ tag }) => tag === 0x011a)).not.toBe(true);
      }
    }
  });

  it.each(['jpeg', 'png', 'webp', 'avif', 'tiff'] as const)('in EXIF grows with a %s', async (format) => {
    const exif = writeExif([rationalEntry(0x011a, 240), rationalEntry(0x011b, 240), shortEntry(0x0128, 2)]);
    const source = insertJpegSegments(await picture().jpeg().toBuffer(), { exif });
    for (const enlarged of [1, 2, 4]) {
      const { look } = await restoredAs(source, format, enlarged);
      expect(perInch(look.density!), format).toEqual([240 * enlarged, 240 * enlarged]);
    }
  });
});

describe('what the numbers mean', () => {
  const p3: PngChunk = { type: 'cICP', content: Uint8Array.of(12, 13, 0, 1) };
  const pq: PngChunk = { type: 'cICP', content: Uint8Array.of(9, 16, 0, 1) };
  const gamma: PngChunk = { type: 'gAMA', content: Uint8Array.of(0, 1, 0x86, 0xa0) };

  it.each([
    ['Display P3', p3, { primaries: 12, transfer: 13 }],
    ['BT.2020 PQ', pq, { primaries: 9, transfer: 16 }],
  ])('a cICP chunk of %s stays in PNG, and becomes nclx in AVIF and back', async (_, chunk, code) => {
    const source = insertPngChunks(await picture().png().toBuffer(), { chunks: [chunk] });
    expect((await restoredAs(source, 'png')).look.colorCode).toEqual(code);
    const image = await decodeImage(source);
    const avif = await encodeImage(image.pixels, 'avif', image.look);
    expect(readNclx(avif)).toEqual(code);
    const decoded = await decodeImage(avif);
    expect(decoded.pixels.data).toEqual(image.pixels.data);
    expect(decoded.look.colorCode).toEqual(code);
    expect((await restoredAs(avif, 'png')).look.colorCode).toEqual(code);
    for (const format of ['jpeg', 'webp', 'tiff'] as const)
      expect(listLostIn(format, image)).toEqual(['coded colour description (cICP or nclx)']);
    for (const format of ['png', 'avif'] as const) expect(listLostIn(format, image)).toEqual([]);
  });

  it('a cICP chunk beside a profile is said to be lost in AVIF, where the profile stands for it', async () => {
    const png = await sharp(await picture().withIccProfile('p3').png().toBuffer(), { ignoreIcc: true });
    const profiled = await png.keepIccProfile().png().toBuffer();
    const image = await decodeImage(insertPngChunks(profiled, { chunks: [p3] }));
    const decoded = await decodeImage(await encodeImage(image.pixels, 'avif', image.look));
    expect(decoded.look.profile).toEqual(image.look.profile);
    expect(listLostIn('avif', image)).toEqual(['coded colour description (cICP or nclx)']);
    expect(listLostIn('png', image)).toEqual([]);
  });

  it.each([100_000, 45_455])(
    'a gAMA chunk of %i stays in PNG, and is said to be lost elsewhere',
    async (value) => {
      const content = new Uint8Array(4);
      new DataView(content.buffer).setUint32(0, value);
      const source = insertPngChunks(await picture().png().toBuffer(), { chunks: [{ ...gamma, content }] });
      const image = await decodeImage(source);
      const written = await encodeImage(image.pixels, 'png', image.look);
      expect([...readPngChunks(written)].find(({ type }) => type === 'gAMA')!.content).toEqual(content);
      expect(listLostIn('jpeg', image)).toEqual(['PNG chunks gAMA']);
    },
  );
});

describe('texts', () => {
  const text = (type: string, content: string): PngChunk => ({
    type,
    content: Buffer.from(content, 'latin1'),
  });

  it('of a PNG stay as they are, in order', async () => {
    const chunks = [
      text('tEXt', 'Description\0Written by the owner'),
      {
        type: 'zTXt',
        content: Buffer.concat([Buffer.from('Comment\0\0'), deflateSync(Buffer.from('packed'))]),
      },
      text('iTXt', 'Title\0\0\0de\0Titel\0Gesicht'),
    ];
    const image = await decodeImage(insertPngChunks(await picture().png().toBuffer(), { chunks }));
    const written = await encodeImage(image.pixels, 'png', { metadata: image.metadata });
    const kept = [...readPngChunks(written)].filter(({ type }) => /^.[TE][Xx]t$|TXt/.test(type));
    expect(kept.map(({ content }) => [...content])).toEqual(chunks.map(({ content }) => [...content]));
    expect(kept.map(pngKeyword)).toEqual(['Description', 'Comment', 'Title']);
    expect(image.dropped).toEqual([]);
    expect(listLostIn('jpeg', image)).toEqual(['3 text chunks']);
  });

  it('of a JPEG, its comments, stay', async () => {
    for (const comments of [['by the owner'], ['one', 'ä second one']]) {
      const bytes = comments.map((comment) => Buffer.from(comment));
      const source = insertJpegSegments(await picture().jpeg().toBuffer(), { comments: bytes });
      const image = await decodeImage(source);
      const written = readJpegSegments(await encodeImage(image.pixels, 'jpeg', { metadata: image.metadata }));
      const kept = written.segments.filter(({ marker }) => marker === jpegMarker.com);
      expect(kept.map(({ content }) => Buffer.from(content).toString())).toEqual(comments);
      expect(listLostIn('png', image)).toEqual(['comment']);
    }
  });

  it('of a TIFF become EXIF, and are kept in every format', async () => {
    const tiff = makeTiff({
      ...{ width, height, photometric: 2, samplesPerPixel: 3, bits: 8, data: smooth },
      tags: [
        [270, 'a face'],
        [315, 'nobody'],
      ],
    });
    for (const format of imageFormats) {
      const { exif } = (await restoredAs(tiff, format)).metadata;
      expect(Buffer.from(exif!).toString('latin1'), format).toMatch(/a face\0.*nobody\0/s);
    }
  });

  it('and whatever else a PNG holds is said to be left out', async () => {
    const chunks = [
      { type: 'tIME', content: Uint8Array.of(7, 0xe9, 1, 1, 0, 0, 0) },
      { type: 'caBX', content: Uint8Array.of(1, 2, 3) },
      { type: 'acTL', content: Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 0) },
      { type: 'zTXt', content: Buffer.from('Raw profile type exif\0\0') },
    ];
    const { dropped } = await decodeImage(insertPngChunks(await picture().png().toBuffer(), { chunks }));
    expect(dropped).toEqual(['PNG chunks caBX, raw profile, tIME', '2 more pages or frames']);
  });
});

describe('what lies beside the picture in its file', () => {
  const packet = (inner: string, more = ''): string =>
    `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg" ${more}>${inner}</rdf:Description></rdf:RDF></x:xmpmeta>`;
  const motionPhoto = packet(
    '<Container:Directory xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Length="99"/></rdf:li></rdf:Seq></Container:Directory>',
    'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="99"',
  );
  const gainMap = packet(
    '<hdrgm:GainMapMax xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"><rdf:Seq><rdf:li>2</rdf:li></rdf:Seq></hdrgm:GainMapMax>',
    'xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"',
  );
  const video = Buffer.from('\0\0\0\x18ftypmp42 and so on', 'latin1');

  it.each([
    ['a motion photo', motionPhoto, video, 'motion photo'],
    ['a gain map', gainMap, Buffer.from('\xff\xd8\xff\xe0', 'latin1'), 'HDR gain map'],
  ])('%s: left out, said to be, and nothing in XMP speaks of it', async (_, xmp, trailer, name) => {
    const jpeg = insertJpegSegments(await picture().jpeg().toBuffer(), { xmp: Buffer.from(xmp) });
    const image = await decodeImage(Buffer.concat([jpeg, trailer]));
    expect(image.dropped.join()).toContain(name);
    const kept = Buffer.from(image.metadata.xmp!).toString();
    expect(kept).toContain('dc:format="image/jpeg"');
    expect(kept).not.toMatch(/GCamera|Container|hdrgm|hdr-gain-map|Version|Item/);
    const written = await encodeImage(image.pixels, 'jpeg', { metadata: image.metadata });
    expect(readJpegSegments(written).trailer).toHaveLength(0);
  });

  it('bytes, further pictures, and segments of other kinds are said to be left out', async () => {
    const jpeg = readJpegSegments(await picture().jpeg().toBuffer()).segments;
    const more = [
      jpegSegment(jpegMarker.app2, 'MPF\0', Buffer.alloc(20)),
      jpegSegment(0xed, 'Photoshop 3.0\0', Buffer.from('8BIM')),
      jpegSegment(0xeb, 'JP', Buffer.alloc(9)),
      jpegSegment(jpegMarker.app1, 'http://ns.adobe.com/xmp/extension/\0', Buffer.alloc(40)),
    ];
    const bytes = Buffer.concat([joinJpegSegments([...more, ...jpeg]), Buffer.from('more')]);
    expect((await decodeImage(bytes)).dropped).toEqual([
      ...['further pictures in the file', 'IPTC', 'JPEG segment APP11', 'extended XMP'],
      '4 bytes behind the picture',
    ]);
    const padded = Buffer.concat([joinJpegSegments(jpeg), Buffer.alloc(64)]);
    expect((await decodeImage(padded)).dropped).toEqual([]);
  });

  it('damaged XMP is left out, and said to be', async () => {
    const xmp = Buffer.from(motionPhoto.slice(0, -30));
    const jpeg = insertJpegSegments(await picture().jpeg().toBuffer(), { xmp });
    const { metadata, dropped } = await decodeImage(jpeg);
    expect([metadata.xmp, dropped]).toEqual([undefined, ['XMP (damaged)']]);
  });

  it('EXIF and XMP that are too long for JPEG are said to be left out of it', async () => {
    const exif = writeExif([{ tag: 0x010e, type: 2, count: 70_000, data: Buffer.alloc(70_000, 65) }]);
    const source = insertPngChunks(await picture().png().toBuffer(), { exif, xmp: Buffer.alloc(70_000, 32) });
    const image = await decodeImage(source);
    expect(listLostIn('jpeg', image)).toEqual(['EXIF (too long for JPEG)', 'XMP (too long for JPEG)']);
    const written = await restoredAs(source, 'jpeg');
    expect(written.metadata).toEqual({});
    expect((await restoredAs(source, 'png')).metadata.exif).toHaveLength(exif.length);
  });
});

describe('a file that ends too early', () => {
  const noise = Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * i * 37) >> 5);
  const noisy = () => sharp(noise, { raw: { width: 96, height: 64, channels: 3 } });

  it.each([false, true])('a JPEG without its end mark is whole (progressive: %s)', async (progressive) => {
    const jpeg = await noisy().jpeg({ progressive }).toBuffer();
    const whole = await decodeImage(jpeg);
    expect(whole.notes).toEqual([]);
    const cut = await decodeImage(jpeg.subarray(0, -2));
    expect(cut.notes).toEqual(['the file ends too early: what is missing is no part of the picture']);
    expect(cut.pixels).toEqual(whole.pixels);
    expect((await decodeImage(jpeg.subarray(0, -1))).pixels).toEqual(whole.pixels);
  });

  it.each([false, true])(
    'a JPEG that lacks part of the picture is read if wanted (progressive: %s)',
    async (progressive) => {
      const jpeg = await noisy().jpeg({ progressive }).toBuffer();
      const part = jpeg.subarray(0, Math.floor(jpeg.length * 0.7));
      await expect(decodeImage(part)).rejects.toThrow(/^the JPEG file ends too early/);
      const { pixels, notes } = await decodeImage(part, { incomplete: true });
      expect([pixels.width, pixels.height]).toEqual([96, 64]);
      expect(notes).toEqual(['the file ends too early: part of the picture is missing']);
    },
  );

  it('a PNG without its last chunk is whole, one that lacks rows is refused', async () => {
    const png = await noisy().png().toBuffer();
    const { pixels, notes } = await decodeImage(png.subarray(0, -12));
    expect(Buffer.compare(Buffer.from(pixels.data), Buffer.from(noise))).toBe(0);
    expect(notes).toEqual(['the file ends too early: what is missing is no part of the picture']);
    await expect(decodeImage(png.subarray(0, -900), { incomplete: true })).rejects.toThrow(/^the PNG file/);
  });

  it('a WebP that lacks descriptions behind its picture, or padding, is whole', async () => {
    for (const lossless of [true, false]) {
      const webp = await noisy()
        .withExif({ IFD0: { Copyright: 'the owner of the picture' } })
        .webp({ lossless })
        .toBuffer();
      const whole = await decodeImage(webp);
      expect(whole.metadata.exif).toBeDefined();
      for (const cut of [1, 9, 60]) {
        const { pixels, notes, metadata } = await decodeImage(webp.subarray(0, -cut));
        expect(pixels).toEqual(whole.pixels);
        expect(notes).toEqual(['the file ends too early: what is missing is no part of the picture']);
        expect(metadata).toEqual({});
      }
    }
  });

  it.each(['webp', 'avif', 'gif'] as const)(
    'a %s that lacks part of the picture is said to',
    async (format) => {
      const file = await noisy().toFormat(format).toBuffer();
      for (const cut of [2, 40, Math.floor(file.length / 3)])
        await expect(decodeImage(file.subarray(0, -cut), { incomplete: true })).rejects.toThrow(
          new RegExp(`^the ${{ webp: 'WebP', avif: 'AVIF', gif: 'GIF' }[format]} file ends too early`),
        );
      expect((await decodeImage(file)).notes).toEqual([]);
    },
  );
});

describe('comments of a GIF', () => {
  const withComments = async (...comments: Buffer[]): Promise<Buffer> => {
    const gif = await picture().gif().toBuffer();
    const table = gif[10]! & 0x80 ? 3 * 2 ** ((gif[10]! & 7) + 1) : 0;
    const blocks = comments.map((comment) => {
      const parts: Buffer[] = [];
      for (let at = 0; at < comment.length; at += 255) {
        const part = comment.subarray(at, at + 255);
        parts.push(Buffer.of(part.length), part);
      }
      return Buffer.concat([Buffer.of(0x21, 0xfe), ...parts, Buffer.of(0)]);
    });
    return Buffer.concat([gif.subarray(0, 13 + table), ...blocks, gif.subarray(13 + table)]);
  };

  it('become texts of the PNG that it is restored as, whatever their alphabet', async () => {
    const long = 'By the owner. '.repeat(60);
    const gif = await withComments(
      Buffer.from(long),
      Buffer.from('Größe, 大小'),
      Buffer.from('caf\xe9', 'latin1'),
    );
    const { metadata } = await restoredAs(gif, 'png');
    const texts = (metadata.texts ?? []).map((chunk) => {
      const start = `Comment\0${chunk.type === 'iTXt' ? '\0\0\0\0' : ''}`;
      const content = Buffer.from(chunk.content);
      expect(content.toString('latin1').startsWith(start)).toBe(true);
      return [chunk.type, content.subarray(start.length).toString()];
    });
    expect(texts).toEqual([
      ['tEXt', long],
      ['iTXt', 'Größe, 大小'],
      ['iTXt', 'café'],
    ]);
    const png = await encodeImage((await decodeImage(gif)).pixels, 'png', { metadata });
    expect((await sharp(png).metadata()).comments?.map(({ text }) => text)).toContain(long);
  });

  it('are said to be left out by formats without texts', async () => {
    expect(listLostIn('jpeg', await decodeImage(await withComments(Buffer.from('mine'))))).toEqual([
      'a text chunk',
    ]);
  });
});
