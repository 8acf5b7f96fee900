/**
 * The chunks of WebP files.
 * @see RFC 9649 (WebP), section 2
 */

interface WebpExtras {
  readonly profile?: Uint8Array;
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
}

interface WebpChunk {
  readonly type: string;
  readonly content: Uint8Array;
}

const flag = { profile: 0x20, alpha: 0x10, exif: 0x08, xmp: 0x04 } as const;

/** The chunks one after another, up to the first that is not whole. */
export function* readWebpChunks(webp: Uint8Array): Generator<WebpChunk> {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  for (let at = 12; at + 8 <= webp.length; ) {
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > webp.length) return;
    const type = Buffer.from(webp.subarray(at, at + 4)).toString('latin1');
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
  const header = Buffer.alloc(10);
  header[0] =
    (profile ? flag.profile : 0) | (alpha ? flag.alpha : 0) | (exif ? flag.exif : 0) | (xmp ? flag.xmp : 0);
  header.writeUIntLE(width - 1, 4, 3);
  header.writeUIntLE(height - 1, 7, 3);
  const chunks: WebpChunk[] = [
    { type: 'VP8X', content: header },
    ...(profile ? [{ type: 'ICCP', content: profile }] : []),
    ...[...readWebpChunks(webp)].filter(({ type }) => type !== 'VP8X'),
    ...(exif ? [{ type: 'EXIF', content: exif }] : []),
    ...(xmp ? [{ type: 'XMP ', content: xmp }] : []),
  ];
  const body = Buffer.concat(
    chunks.flatMap(({ type, content }) => {
      const head = Buffer.alloc(8);
      head.write(type, 'latin1');
      head.writeUInt32LE(content.length, 4);
      return [head, content, Buffer.alloc(content.length % 2)];
    }),
  );
  const start = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  start.writeUInt32LE(4 + body.length, 4);
  return Buffer.concat([start, body]);
}
