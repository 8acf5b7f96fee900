/** The ICC profile in a picture file. */

import type { ReadableFormat } from '../image-signature.ts';
import { concatBytes, latin1Text } from './bytes.ts';
import { contentAfter, jpegMarker, profileStart, readJpegSegments } from './jpeg-segments.ts';
import { pictureLimits } from './picture-limits.ts';
import { inflate, readPngChunks } from './png-chunks.ts';
import { readWebpChunks } from './webp-chunks.ts';

/** Of a JPEG, PNG or WebP; undefined where there is none, or a damaged one, or one that is longer than allowed. */
export function readProfile(bytes: Uint8Array, format: ReadableFormat): Uint8Array | undefined {
  try {
    const profile = readers[format]?.(bytes);
    return profile && isProfile(profile) ? profile : undefined;
  } catch {
    return undefined;
  }
}

/** The space of the numbers it is for: 'RGB ', 'GRAY', 'CMYK' … */
export function profileSpace(profile: Uint8Array): string {
  return latin1Text(profile.subarray(16, 20));
}

function isProfile(profile: Uint8Array): boolean {
  return profile.length <= pictureLimits.metadataBytes && latin1Text(profile.subarray(36, 40)) === 'acsp';
}

const readers: { readonly [F in ReadableFormat]?: (bytes: Uint8Array) => Uint8Array | undefined } = {
  jpeg: (jpeg) => {
    const pieces = readJpegSegments(jpeg)
      .segments.filter(({ marker }) => marker === jpegMarker.app2)
      .map((segment) => contentAfter(segment, profileStart))
      .filter((piece) => piece !== undefined)
      .sort((a, b) => a[0]! - b[0]!); // its number, from 1, then how many there are
    return pieces.length > 0 ? concatBytes(pieces.map((piece) => piece.subarray(2))) : undefined;
  },
  png: (png) => {
    // Name, its terminator, compression method.
    for (const { type, content } of readPngChunks(png))
      if (type === 'iCCP')
        return inflate(content.subarray(content.indexOf(0) + 2), pictureLimits.metadataBytes);
    return undefined;
  },
  webp: (webp) => [...readWebpChunks(webp)].find(({ type }) => type === 'ICCP')?.content,
};
