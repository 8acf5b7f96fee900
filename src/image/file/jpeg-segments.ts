/**
 * The segments of JPEG files.
 * @see ITU-T T.81, annex B; ITU-T T.871 (JFIF)
 */

import { concatBytes, equalBytes, latin1Bytes, uint16Bytes } from './bytes.ts';
import { convertDensity, type Density, statedDensity } from './density.ts';

export interface JpegSegment {
  /** second byte of the marker, e.g. 0xe1 for APP1 */
  readonly marker: number;
  /** behind its length; empty where the marker has none */
  readonly content: Uint8Array;
  /** marker and length included, and behind a start of scan its entropy-coded data */
  readonly bytes: Uint8Array;
}

interface JpegSegments {
  readonly segments: readonly JpegSegment[];
  /** behind the end mark; undefined where there is no such mark */
  readonly trailer: Uint8Array | undefined;
}

export const jpegMarker = {
  soi: 0xd8,
  eoi: 0xd9,
  sos: 0xda,
  app0: 0xe0,
  app1: 0xe1,
  app2: 0xe2,
  com: 0xfe,
} as const;

/** What a segment holds at most behind its length. */
export const maxSegmentBytes = 65_533;

/** Walks through a file as a decoder does, to its end mark or its end. */
export function readJpegSegments(jpeg: Uint8Array): JpegSegments {
  const segments: JpegSegment[] = [];
  let at = 2;
  while (at + 1 < jpeg.length) {
    if (jpeg[at] !== 0xff || jpeg[at + 1] === 0xff) {
      at++;
      continue;
    }
    const marker = jpeg[at + 1]!;
    if (marker === jpegMarker.eoi) return { segments, trailer: jpeg.subarray(at + 2) };
    if (isBare(marker)) {
      at += 2;
      continue;
    }
    const length = at + 3 < jpeg.length ? jpeg[at + 2]! * 256 + jpeg[at + 3]! : 2;
    const contentEnd = Math.min(at + 2 + Math.max(length, 2), jpeg.length);
    const end = marker === jpegMarker.sos ? endOfScan(jpeg, contentEnd) : contentEnd;
    segments.push({
      marker,
      content: jpeg.subarray(Math.min(at + 4, contentEnd), contentEnd),
      bytes: jpeg.subarray(at, end),
    });
    at = end;
  }
  return { segments, trailer: undefined };
}

/** Stuffed zeros, restart marks and what else has no length. */
function isBare(marker: number): boolean {
  return marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

function endOfScan(jpeg: Uint8Array, start: number): number {
  for (let at = jpeg.indexOf(0xff, start); at !== -1; at = jpeg.indexOf(0xff, at + 1)) {
    const next = jpeg[at + 1];
    if (next === undefined) break;
    if (next !== 0xff && !isBare(next)) return at;
  }
  return jpeg.length;
}

/** A JPEG file of the segments, between the markers that begin and end it. */
export function joinJpegSegments(segments: readonly Pick<JpegSegment, 'bytes'>[]): Uint8Array {
  return concatBytes([
    Uint8Array.of(0xff, 0xd8),
    ...segments.map(({ bytes }) => bytes),
    Uint8Array.of(0xff, 0xd9),
  ]);
}

/** @throws {RangeError} for more than a segment can hold */
export function jpegSegment(marker: number, ...parts: readonly (Uint8Array | string)[]): JpegSegment {
  const content = concatBytes(parts.map((part) => (typeof part === 'string' ? latin1Bytes(part) : part)));
  if (content.length > maxSegmentBytes)
    throw new RangeError(`Cannot write a JPEG segment of ${content.length} bytes`);
  const head = [Uint8Array.of(0xff, marker), uint16Bytes(content.length + 2)];
  return { marker, content, bytes: concatBytes([...head, content]) };
}

/** Whether the content begins so; the rest of it. */
export function contentAfter({ content }: JpegSegment, start: string): Uint8Array | undefined {
  const bytes = latin1Bytes(start);
  return equalBytes(bytes, content.subarray(0, bytes.length)) ? content.subarray(bytes.length) : undefined;
}

const jfif = 'JFIF\0';
const units = ['none', 'inch', 'centimetre'] as const;

/** The print resolution of a JFIF segment; undefined if this is another, is too short, or has none that makes sense. */
export function readJfifDensity(segment: JpegSegment): Density | undefined {
  const content = segment.marker === jpegMarker.app0 ? contentAfter(segment, jfif) : undefined;
  const unit = units[content?.[2] ?? -1];
  if (!content || !unit || content.length < 7) return undefined;
  return statedDensity(content[3]! * 256 + content[4]!, content[5]! * 256 + content[6]!, unit);
}

/** Undefined where JFIF's 16 bits do not hold it. */
function jfifSegment(density: Density): JpegSegment | undefined {
  const { x, y, unit } = density.unit === 'centimetre' ? density : convertDensity(density, 'inch');
  const [wholeX, wholeY] = [Math.round(x), Math.round(y)];
  if (Math.min(wholeX, wholeY) < 1 || Math.max(wholeX, wholeY) > 65_535) return undefined;
  // Version 1.2; no thumbnail.
  const unitByte = units.indexOf(unit as (typeof units)[number]);
  return jpegSegment(
    jpegMarker.app0,
    jfif,
    Uint8Array.of(1, 2, unitByte),
    uint16Bytes(wholeX),
    uint16Bytes(wholeY),
    Uint8Array.of(0, 0),
  );
}

interface JpegExtras {
  readonly profile?: Uint8Array;
  /** from its byte-order mark on */
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
  readonly density?: Density;
  readonly comments?: readonly Uint8Array[];
}

/**
 * A JPEG file with all of this that fits into its segments.
 * @param jpeg without metadata
 */
export function insertJpegSegments(
  jpeg: Uint8Array,
  { profile, exif, xmp, density, comments = [] }: JpegExtras,
): Uint8Array {
  const own = readJpegSegments(jpeg).segments.filter((segment) => !contentAfter(segment, jfif));
  const more: (JpegSegment | undefined)[] = [density && jfifSegment(density)];
  for (const [start, content] of [
    [exifStart, exif],
    [xmpStart, xmp],
  ] as const)
    if (content && start.length + content.length <= maxSegmentBytes)
      more.push(jpegSegment(jpegMarker.app1, start, content));
  if (profile) more.push(...profileSegments(profile));
  for (const comment of comments) more.push(jpegSegment(jpegMarker.com, comment));
  return joinJpegSegments([...more.filter((segment) => segment !== undefined), ...own]);
}

export const exifStart = 'Exif\0\0';
export const xmpStart = 'http://ns.adobe.com/xap/1.0/\0';
export const profileStart = 'ICC_PROFILE\0';

/** A profile is cut into numbered pieces. */
function profileSegments(profile: Uint8Array): JpegSegment[] {
  const most = maxSegmentBytes - profileStart.length - 2;
  const count = Math.ceil(profile.length / most);
  return Array.from({ length: count }, (_, i) =>
    jpegSegment(
      jpegMarker.app2,
      profileStart,
      Uint8Array.of(i + 1, count),
      profile.subarray(i * most, (i + 1) * most),
    ),
  );
}
