/** TIFF files made by hand: uncompressed, one strip, little-endian, with any tags. */

export interface TiffParts {
  readonly width: number;
  readonly height: number;
  /** 1 gray, 2 RGB, 5 CMYK */
  readonly photometric: number;
  readonly samplesPerPixel: number;
  readonly bits: 8 | 16 | 32 | 64;
  /** 1 unsigned, 2 signed, 3 float */
  readonly sampleFormat?: number;
  /** 0 unspecified, 1 associated alpha, 2 alpha */
  readonly extraSamples?: readonly number[];
  /** interleaved, little-endian */
  readonly data: Uint8Array;
  /** more tags of type ASCII (2), SHORT (3) or UNDEFINED (7) */
  readonly tags?: readonly (readonly [tag: number, value: string | readonly number[] | Uint8Array])[];
}

export function makeTiff(parts: TiffParts): Buffer {
  const { width, height, photometric, samplesPerPixel, bits, sampleFormat = 1, extraSamples, data } = parts;
  const entries: [tag: number, type: number, count: number, value: Buffer][] = [];
  const shorts = (tag: number, values: readonly number[]): void => {
    entries.push([tag, 3, values.length, Buffer.from(Uint16Array.from(values).buffer)]);
  };
  const perSample = (value: number): number[] => Array.from({ length: samplesPerPixel }, () => value);
  shorts(256, [width]);
  shorts(257, [height]);
  shorts(258, perSample(bits));
  shorts(259, [1]);
  shorts(262, [photometric]);
  shorts(277, [samplesPerPixel]);
  shorts(278, [height]);
  shorts(339, perSample(sampleFormat));
  entries.push([273, 4, 1, Buffer.from(Uint32Array.of(8).buffer)]);
  entries.push([279, 4, 1, Buffer.from(Uint32Array.of(data.length).buffer)]);
  if (extraSamples) shorts(338, extraSamples);
  for (const [tag, value] of parts.tags ?? [])
    if (typeof value === 'string')
      entries.push([tag, 2, value.length + 1, Buffer.from(`${value}\0`, 'latin1')]);
    else if (value instanceof Uint8Array) entries.push([tag, 7, value.length, Buffer.from(value)]);
    else shorts(tag, value);
  entries.sort((a, b) => a[0] - b[0]);
  const folder = 8 + data.length + (data.length % 2);
  const head = Buffer.alloc(folder);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(folder, 4);
  head.set(data, 8);
  const table = Buffer.alloc(2 + 12 * entries.length + 4);
  table.writeUInt16LE(entries.length, 0);
  const far: Buffer[] = [];
  let at = folder + table.length;
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const entry = 2 + 12 * i;
    table.writeUInt16LE(tag, entry);
    table.writeUInt16LE(type, entry + 2);
    table.writeUInt32LE(count, entry + 4);
    if (value.length <= 4) value.copy(table, entry + 8);
    else {
      table.writeUInt32LE(at, entry + 8);
      const padded = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.alloc(1)]);
      far.push(padded);
      at += padded.length;
    }
  }
  return Buffer.concat([head, table, ...far]);
}
