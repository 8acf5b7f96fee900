/** EXIF blocks: what must change in them when the picture does. */

import { latin1Text } from './bytes.ts';

const header = 'Exif\0\0';
const orientationTag = 0x0112;
const resolutionTags = [0x011a, 0x011b];
const resolutionUnitTag = 0x0128;
const subfolderTag = 0x8769;
const widthTag = 0xa002;
const heightTag = 0xa003;
const entryBytes = 12;

/**
 * A copy for an upright picture of the given size: orientation 1, the new size, no thumbnail, which would show the
 * picture as it was.
 * @param exif with or without the header that JPEG puts before it
 * @param enlarged so many times; more pixels an inch print it as large as before
 * @returns from the byte-order mark on; undefined if the block is damaged
 */
export function updateExif(
  exif: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
  enlarged = 1,
): Uint8Array | undefined {
  const hasHeader = latin1Text(exif.subarray(0, header.length)) === header;
  const copy = Uint8Array.from(hasHeader ? exif.subarray(header.length) : exif);
  try {
    const block = new ExifBlock(copy);
    const main = block.folderAt(4);
    block.write(main, orientationTag, 1);
    block.dropNext(main);
    if (enlarged !== 1) for (const tag of resolutionTags) block.multiply(main, tag, enlarged);
    const details = block.read(main, subfolderTag);
    if (details !== undefined) {
      const folder = block.folder(details);
      block.write(folder, widthTag, width);
      block.write(folder, heightTag, height);
    }
    return copy;
  } catch {
    // Reading beyond the end, or no byte-order mark.
    return undefined;
  }
}

/** Takes the resolution out of a block, in place. */
export function removeResolution(exif: Uint8Array): void {
  const block = new ExifBlock(exif);
  let main = block.folderAt(4);
  for (const tag of [...resolutionTags, resolutionUnitTag]) main = block.remove(main, tag);
}

/** A folder's first entry, and how many there are. */
interface Folder {
  readonly start: number;
  readonly count: number;
}

class ExifBlock {
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = this.#view.getUint16(0);
    if (order !== 0x4949 && order !== 0x4d4d) throw new RangeError('no byte-order mark');
    this.#little = order === 0x4949;
  }

  /** The folder whose offset is at `position`. */
  folderAt(position: number): Folder {
    return this.folder(this.#view.getUint32(position, this.#little));
  }

  folder(offset: number): Folder {
    return { start: offset + 2, count: this.#view.getUint16(offset, this.#little) };
  }

  /** The value of a tag of type SHORT (3) or LONG (4). */
  read(folder: Folder, tag: number): number | undefined {
    const entry = this.#find(folder, tag);
    if (entry === undefined) return undefined;
    return this.#isShort(entry)
      ? this.#view.getUint16(entry + 8, this.#little)
      : this.#view.getUint32(entry + 8, this.#little);
  }

  /** Sets a tag of type SHORT or LONG, where it is there. */
  write(folder: Folder, tag: number, value: number): void {
    const entry = this.#find(folder, tag);
    if (entry === undefined) return;
    if (this.#isShort(entry)) this.#view.setUint16(entry + 8, value, this.#little);
    else this.#view.setUint32(entry + 8, value, this.#little);
  }

  /** Multiplies a tag of type RATIONAL, where it is there. */
  multiply(folder: Folder, tag: number, factor: number): void {
    const entry = this.#find(folder, tag);
    if (entry === undefined || this.#view.getUint16(entry + 2, this.#little) !== 5) return;
    const at = this.#view.getUint32(entry + 8, this.#little);
    this.#view.setUint32(at, factor * this.#view.getUint32(at, this.#little), this.#little);
  }

  /** Takes a tag away; its value stays where nothing points to. */
  remove({ start, count }: Folder, tag: number): Folder {
    const entry = this.#find({ start, count }, tag);
    if (entry === undefined) return { start, count };
    const end = start + count * entryBytes + 4;
    for (let at = entry; at < end - entryBytes; at++)
      this.#view.setUint8(at, this.#view.getUint8(at + entryBytes));
    this.#view.setUint16(start - 2, count - 1, this.#little);
    return { start, count: count - 1 };
  }

  /** Unlinks the folder behind this one, which describes the thumbnail. */
  dropNext({ start, count }: Folder): void {
    this.#view.setUint32(start + count * entryBytes, 0, this.#little);
  }

  #isShort(entry: number): boolean {
    return this.#view.getUint16(entry + 2, this.#little) === 3;
  }

  #find({ start, count }: Folder, tag: number): number | undefined {
    for (let i = 0; i < count; i++) {
      const entry = start + i * entryBytes;
      if (this.#view.getUint16(entry, this.#little) === tag) return entry;
    }
    return undefined;
  }
}
