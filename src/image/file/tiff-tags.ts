/** What TIFF files say of their picture besides the pixels. */

import { concatBytes, latin1Text } from './bytes.ts';
import { convertDensity, type Density, statedDensity } from './density.ts';
import {
  bytesEntry,
  type Ifd,
  type IfdEntry,
  isCutIfd,
  numbersOf,
  rationalEntry,
  readIfd,
  shortEntry,
  writeExif,
  writeIfd,
} from './ifd.ts';

const tag = {
  photometric: 262,
  samplesPerPixel: 277,
  xResolution: 282,
  yResolution: 283,
  resolutionUnit: 296,
  extraSamples: 338,
  xmp: 700,
  iptc: 33_723,
  photoshop: 34_377,
  profile: 34_675,
  exif: 0x8769,
  gps: 0x8825,
  makerNote: 0x927c,
} as const;

/** Offsets and lengths of strips, and of tiles. */
const pixelPlaces = [
  [273, 279],
  [324, 325],
] as const;

/** Name, description, maker, model, page, software, time, artist, computer, copyright; EXIF and GPS. */
const descriptions: ReadonlySet<number> = new Set([
  ...[269, 270, 271, 272, 285, 305, 306, 315, 316, 33_432],
  ...[tag.exif, tag.gps],
]);
const units = ['none', 'inch', 'centimetre'] as const;
/** Samples of a pixel's colour, by photometric interpretation. */
const colorSamples: Readonly<Record<number, number>> = { 2: 3, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3 };

interface TiffTags {
  readonly density?: Density;
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
  /** Which of the samples beyond the colour is opacity; undefined: none of them. */
  readonly alphaSample: number | undefined;
  /** how many samples beyond the colour are no opacity */
  readonly otherSamples: number;
  readonly dropped: readonly string[];
}

/** What the first directory of a TIFF file says; nothing where it cannot be read. */
export function readTiffTags(tiff: Uint8Array): TiffTags {
  const ifd = readIfd(tiff) ?? [];
  const values = (wanted: number): number[] => {
    const entry = ifd.find((one) => one.tag === wanted);
    return entry ? numbersOf(entry) : [];
  };
  const described = ifd.filter((entry) => descriptions.has(entry.tag)).map(withoutMakerNote);
  const xmp = ifd.find((entry) => entry.tag === tag.xmp)?.data;
  const colors = colorSamples[values(tag.photometric)[0] ?? 1] ?? 1;
  const extras = Math.max((values(tag.samplesPerPixel)[0] ?? colors) - colors, 0);
  // 1: the colours are multiplied with it, 2: they are not; 0 is anything else, such as a saved selection.
  const alpha = values(tag.extraSamples).findIndex((kind) => kind === 1 || kind === 2);
  const alphaSample = alpha === -1 || alpha >= extras ? undefined : alpha;
  const dropped: string[] = [];
  if (ifd.some((entry) => entry.tag === tag.iptc)) dropped.push('IPTC');
  if (ifd.some((entry) => entry.tag === tag.photoshop)) dropped.push('Photoshop data');
  if (holdsMakerNote(ifd)) dropped.push(makerNotes);
  return {
    density: readDensity(ifd),
    ...(described.length > 0 && { exif: writeExif(described) }),
    ...(xmp && { xmp }),
    alphaSample,
    otherSamples: extras - (alphaSample === undefined ? 0 : 1),
    dropped,
  };
}

/** Whether part of the directory or of the pixels would lie behind the end of the file. */
export function isCutTiff(tiff: Uint8Array): boolean {
  if (isCutIfd(tiff)) return true;
  const ifd = readIfd(tiff) ?? [];
  const values = (wanted: number): number[] => {
    const entry = ifd.find((one) => one.tag === wanted);
    return entry ? numbersOf(entry) : [];
  };
  return pixelPlaces.some(([offsets, lengths]) => {
    const lengthOf = values(lengths);
    return values(offsets).some((offset, i) => offset + (lengthOf[i] ?? 0) > tiff.length);
  });
}

export const makerNotes = "the camera maker's own notes in EXIF";

/** Such notes hold offsets that only their maker knows: elsewhere they are wrong. */
function withoutMakerNote(entry: IfdEntry): IfdEntry {
  return entry.ifd ? { ...entry, ifd: entry.ifd.filter((inner) => inner.tag !== tag.makerNote) } : entry;
}

/** As TIFF and EXIF state it. */
export function readDensity(ifd: Ifd): Density | undefined {
  const [x, y, unit] = [tag.xResolution, tag.yResolution, tag.resolutionUnit].map((wanted) => {
    const entry = ifd.find((one) => one.tag === wanted);
    return entry ? numbersOf(entry)[0] : undefined;
  });
  // Inches unless said otherwise.
  return statedDensity(x ?? 0, y ?? x ?? 0, units[(unit ?? 2) - 1] ?? 'inch');
}

function densityEntries(density: Density): Ifd {
  const { x, y, unit } = density.unit === 'metre' ? convertDensity(density, 'inch') : density;
  return [
    rationalEntry(tag.xResolution, x),
    rationalEntry(tag.yResolution, y),
    shortEntry(tag.resolutionUnit, 1 + units.indexOf(unit as (typeof units)[number])),
  ];
}

/** An EXIF block that states a density and nothing else. */
export function densityExif(density: Density): Uint8Array {
  return writeExif(densityEntries(density));
}

/** Whether a block states a density. */
export function hasDensity(exif: Uint8Array): boolean {
  return readDensity(readIfd(bareExif(exif)) ?? []) !== undefined;
}

/** The block without the header that JPEG puts before it. */
export function bareExif(exif: Uint8Array): Uint8Array {
  return latin1Text(exif.subarray(0, 4)) === 'Exif' ? exif.subarray(6) : exif;
}

/** Whether a block holds a camera maker's own notes, which do not go into a TIFF file. */
export function exifHoldsMakerNote(exif: Uint8Array): boolean {
  return holdsMakerNote(readIfd(bareExif(exif)) ?? []);
}

function holdsMakerNote(ifd: Ifd): boolean {
  return ifd.some((entry) => entry.ifd?.some((inner) => inner.tag === tag.makerNote));
}

interface TiffExtras {
  readonly profile?: Uint8Array;
  readonly exif?: Uint8Array;
  readonly xmp?: Uint8Array;
  readonly density?: Density;
}

/**
 * A TIFF file with all of this and no other density: a new directory behind its end takes the place of its first.
 * @param tiff classic, little-endian, of one picture
 */
export function insertTiffTags(tiff: Uint8Array, { profile, exif, xmp, density }: TiffExtras): Uint8Array {
  const own = readIfd(tiff)!.filter(
    (entry) => ![tag.xResolution, tag.yResolution, tag.resolutionUnit].includes(entry.tag as never),
  );
  const described = (exif && readIfd(exif)) ?? [];
  const ifd: IfdEntry[] = [
    ...own,
    ...described
      .filter((entry) => descriptions.has(entry.tag) && !own.some((one) => one.tag === entry.tag))
      .map(withoutMakerNote),
    ...(density ? densityEntries(density) : []),
    ...(xmp ? [bytesEntry(tag.xmp, 1, xmp)] : []),
    ...(profile ? [bytesEntry(tag.profile, 7, profile)] : []),
  ];
  const start = tiff.length + (tiff.length % 2);
  const result = concatBytes([tiff, new Uint8Array(start - tiff.length), writeIfd(ifd, start)]);
  new DataView(result.buffer).setUint32(4, start, true);
  return result;
}
