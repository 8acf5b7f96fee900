/**
 * The chunks of WebP files.
 * @see RFC 9649 (WebP), section 2
 */

import { concatBytes, latin1Bytes, latin1Text, uint32Bytes } from './bytes.ts';

interface WebpExtras {
  readonly profile?: Uint8Array;
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
}

interface WebpChunk {
  readonly type: string;
  readonly content: Uint8Array;
}

/** Whether the file is shorter than its header says. */
export function isCutWebp(webp: Uint8Array): boolean {
  if (webp.length < riffStart) return true;
  return (
    riffStart + new DataView(webp.buffer, webp.byteOffset, webp.byteLength).getUint32(4, true) > webp.length
  );
}

/** The file of the chunks that are whole, where others are cut: descriptions follow the picture. */
export function wholeWebpChunks(webp: Uint8Array): Uint8Array {
  const chunks = [...readWebpChunks(webp)];
  const has = (type: string): boolean => chunks.some((chunk) => chunk.type === type);
  const lost = (has('EXIF') ? 0 : flag.exif) | (has('XMP ') ? 0 : flag.xmp);
  return joinWebpChunks(
    chunks.map(({ type, content }) =>
      type === 'VP8X' && content.length > 0
        ? { type, content: Uint8Array.of(content[0]! & ~lost, ...content.subarray(1)) }
        : { type, content },
    ),
  );
}

const riffStart = 8;
const flag = { profile: 0x20, alpha: 0x10, exif: 0x08, xmp: 0x04 } as const;

/** The chunks one after another, up to the first that is not whole. */
export function* readWebpChunks(webp: Uint8Array): Generator<WebpChunk> {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  for (let at = 12; at + 8 <= webp.length; ) {
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > webp.length) return;
    const type = latin1Text(webp.subarray(at, at + 4));
    yield { type, content: webp.subarray(at + 8, at + 8 + length) };
    at += 8 + length + (length % 2);
  }
}

/**
 * A still picture's file with all of this.
 * @param webp without metadata
 */
export function insertWebpChunks(
  webp: Uint8Array,
  { profile, exif, xmp }: WebpExtras,
  { width, height, alpha }: { readonly width: number; readonly height: number; readonly alpha: boolean },
): Uint8Array {
  if (!profile && !exif && !xmp) return webp;
  const flags =
    (profile ? flag.profile : 0) | (alpha ? flag.alpha : 0) | (exif ? flag.exif : 0) | (xmp ? flag.xmp : 0);
  const uint24 = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, value >>> 16];
  const header = Uint8Array.of(flags, 0, 0, 0, ...uint24(width - 1), ...uint24(height - 1));
  const chunks: WebpChunk[] = [
    { type: 'VP8X', content: header },
    ...(profile ? [{ type: 'ICCP', content: profile }] : []),
    ...[...readWebpChunks(webp)].filter(({ type }) => type !== 'VP8X'),
    ...(exif ? [{ type: 'EXIF', content: exif }] : []),
    ...(xmp ? [{ type: 'XMP ', content: xmp }] : []),
  ];
  return joinWebpChunks(chunks);
}

function joinWebpChunks(chunks: readonly WebpChunk[]): Uint8Array {
  const length = (value: number): Uint8Array => uint32Bytes(value).reverse();
  const body = concatBytes([
    latin1Bytes('WEBP'),
    ...chunks.flatMap(({ type, content }) => [
      latin1Bytes(type),
      length(content.length),
      content,
      new Uint8Array(content.length % 2),
    ]),
  ]);
  return concatBytes([latin1Bytes('RIFF'), length(body.length), body]);
}
