/**
 * Raw pictures with their times, as a Matroska stream: what a decoder or encoder can take through a pipe without
 * losing when each frame is shown.
 * @see RFC 9559 (Matroska), RFC 8794 (EBML)
 */

const id = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  codecId: 0x86,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  colourSpace: 0x2eb524,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
} as const;

/** Bytes red, green, blue of each pixel. */
const rgb24 = Buffer.from('RGB\x18', 'latin1');
/** Size of an element whose end is told by the end of the stream. */
const unknownSize = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
/** Times are whole numbers of microseconds. */
const nanosecondsPerTick = 1000;
/** Track 1, at the cluster's own time, a key frame. */
const blockHeader = Buffer.from([0x81, 0x00, 0x00, 0x80]);

/** The beginning of a stream of RGB pictures of one size. */
export function matroskaHeader(width: number, height: number): Buffer {
  const video = [
    element(id.pixelWidth, unsigned(width)),
    element(id.pixelHeight, unsigned(height)),
    element(id.colourSpace, rgb24),
  ];
  const entry = [
    element(id.trackNumber, unsigned(1)),
    element(id.trackUid, unsigned(1)),
    element(id.trackType, unsigned(1)),
    element(id.codecId, Buffer.from('V_UNCOMPRESSED')),
    element(id.video, ...video),
  ];
  return Buffer.concat([
    element(id.ebml, element(id.docType, Buffer.from('matroska'))),
    elementId(id.segment),
    unknownSize,
    element(id.info, element(id.timestampScale, unsigned(nanosecondsPerTick))),
    element(id.tracks, element(id.trackEntry, ...entry)),
  ]);
}

/**
 * What precedes the bytes of one picture.
 * @param timeUs when it is shown, in microseconds, not negative
 */
export function matroskaFrameHeader(timeUs: number, byteLength: number): Buffer {
  const timestamp = element(id.timestamp, unsigned(timeUs));
  const block = Buffer.concat([
    elementId(id.simpleBlock),
    elementSize(blockHeader.length + byteLength),
    blockHeader,
  ]);
  return Buffer.concat([
    elementId(id.cluster),
    elementSize(timestamp.length + block.length + byteLength),
    timestamp,
    block,
  ]);
}

function element(name: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([elementId(name), elementSize(body.length), body]);
}

function elementId(name: number): Buffer {
  const hex = name.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** Always eight bytes: a one, then 56 bits. */
function elementSize(bytes: number): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE((1n << 56n) | BigInt(bytes));
  return size;
}

function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
