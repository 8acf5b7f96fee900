/** What a file says of its picture, and that again in the file of a result. */

import { type ColorCode, cicpContent } from '../../image/file/color-code.ts';
import type { Density } from '../../image/file/density.ts';
import { profileSpace, readProfile } from '../../image/file/embedded-profile.ts';
import { updateExif } from '../../image/file/exif.ts';
import { numbersOf, readIfd } from '../../image/file/ifd.ts';
import { exifStart, insertJpegSegments, maxSegmentBytes, xmpStart } from '../../image/file/jpeg-segments.ts';
import { openContainer } from '../../image/file/picture-container.ts';
import { pictureLimits } from '../../image/file/picture-limits.ts';
import { insertPngChunks, type PngChunk } from '../../image/file/png-chunks.ts';
import { bareExif, densityExif, readDensity } from '../../image/file/tiff-tags.ts';
import { insertWebpChunks, readWebpChunks } from '../../image/file/webp-chunks.ts';
import type { ReadableFormat } from '../../image/image-signature.ts';
import type { Orientation } from '../../image/orient-pixels.ts';
import type { Size } from '../../image/resize.ts';
import type { CallTools } from './call-tools.ts';

/** Formats that results can have. */
export type WritableFormat = 'png' | 'jpeg' | 'webp' | 'avif';

export interface PictureFacts {
  readonly orientation: Orientation;
  /** ICC profile of the RGB numbers; absent: sRGB */
  readonly profile?: Uint8Array;
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
  readonly density?: Density;
  readonly colorCode?: ColorCode;
  readonly colorChunks: readonly PngChunk[];
  readonly texts: readonly PngChunk[];
  readonly comments: readonly Uint8Array[];
  /** what of the file is not kept, e.g. 'IPTC' */
  readonly dropped: readonly string[];
  /** The file ends too early. */
  readonly endMissing: boolean;
}

export async function readFacts(
  bytes: Uint8Array,
  format: ReadableFormat,
  { updateXmp }: Pick<CallTools, 'updateXmp'>,
): Promise<PictureFacts> {
  const container = openContainer(bytes, format);
  const chunks = format === 'webp' ? [...readWebpChunks(bytes)] : [];
  const chunk = (type: string): Uint8Array | undefined => chunks.find((one) => one.type === type)?.content;
  const dropped = [...container.dropped];
  const bounded = (name: string, part: Uint8Array | undefined): Uint8Array | undefined => {
    if (!part || part.length <= pictureLimits.metadataBytes) return part;
    dropped.push(name);
    return undefined;
  };
  const stored = bounded('EXIF', container.exif ?? chunk('EXIF'));
  const exif = stored && bareExif(stored);
  const packet = bounded('XMP', container.xmp ?? chunk('XMP '));
  const updated = packet && (await updateXmp(packet));
  dropped.push(...(updated?.dropped ?? []));
  const profile = readProfile(bytes, format);
  const isRgb = profile !== undefined && profileSpace(profile) === 'RGB ';
  if (profile && !isRgb) dropped.push(`${profileSpace(profile).trim()} colour profile`);
  if (format === 'avif') dropped.push('EXIF, XMP and colour profile of AVIF');
  const ifd = exif && readIfd(exif);
  const orientation = ifd?.find(({ tag }) => tag === 0x0112);
  const density = container.density ?? (ifd && readDensity(ifd));
  return {
    orientation: asOrientation(orientation && numbersOf(orientation)[0]),
    ...(isRgb && { profile }),
    ...(exif && { exif }),
    ...(updated?.xmp && { xmp: updated.xmp }),
    ...(density && { density }),
    ...(container.colorCode && { colorCode: container.colorCode }),
    colorChunks: container.colorChunks ?? [],
    texts: container.texts ?? [],
    comments: container.comments ?? [],
    dropped,
    endMissing: container.endMissing,
  };
}

function asOrientation(value = 1): Orientation {
  return Number.isInteger(value) && value >= 1 && value <= 8 ? (value as Orientation) : 1;
}

/**
 * The result's file with what was said of the photo.
 * @param encoded without metadata
 * @param size of the result
 */
export function insertFacts(
  encoded: Uint8Array,
  format: WritableFormat,
  facts: PictureFacts,
  size: Size & { readonly alpha: boolean },
): Uint8Array {
  const { profile, xmp, density, colorCode, colorChunks, texts, comments } = facts;
  const exif = facts.exif && updateExif(facts.exif, size);
  switch (format) {
    case 'jpeg':
      return insertJpegSegments(encoded, { profile, exif, xmp, density, comments });
    case 'png': {
      const code = colorCode ? [{ type: 'cICP', content: cicpContent(colorCode) }] : [];
      return insertPngChunks(encoded, {
        profile,
        exif,
        xmp,
        density,
        chunks: [...code, ...colorChunks, ...texts],
      });
    }
    case 'webp':
      return insertWebpChunks(
        encoded,
        { profile, exif: exif ?? (density && densityExif(density)), xmp },
        size,
      );
    case 'avif':
      return encoded;
  }
}

/** What of a photo its result's format does not hold. */
export function lostIn(format: WritableFormat, { exif, xmp }: PictureFacts): string[] {
  if (format !== 'jpeg') return [];
  const lost: string[] = [];
  if (exif && exif.length > maxSegmentBytes - exifStart.length) lost.push('EXIF');
  if (xmp && xmp.length > maxSegmentBytes - xmpStart.length) lost.push('XMP');
  return lost;
}
