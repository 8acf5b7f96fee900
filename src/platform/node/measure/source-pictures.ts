/** The pictures of folders as metrics take them. */
import { stat } from 'node:fs/promises';
import { type BytePixels, type Pixels, toBytePixels } from '../../../image/pixels.ts';
import { layOnWhite } from '../../../image/transparency.ts';
import type { MetricPicture, SourcePicture } from '../../../measure/picture-measure.ts';
import { openCvGray } from '../../../models/arcface/arcface-input.ts';
import { pairPictures, picturesByName } from '../files/picture-pairs.ts';
import { type ImageFile, readImageBytes, readImageFile } from '../picture/image-file.ts';
import { decodeJpegLuma } from '../picture/jpeg-luma.ts';
import { comparedSize, resizeTo } from './compared-size.ts';

export interface SourceFolders {
  /** What is measured, or restored and measured. */
  readonly pictures: string;
  /** The true ones; metrics that need none do without. */
  readonly truth?: string;
  /** Side of the square to compare at, or that of the truth; the size of what is measured unless given. */
  readonly size?: number | 'truth';
  /** Names of those that are meant, where `pictures` lacks some. */
  readonly only?: ReadonlySet<string>;
  /** Restores each picture before it is measured. */
  readonly restore?: (image: ImageFile) => Promise<BytePixels>;
}

/** @throws {Error} if a folder holds no picture, or pictures have no counterpart */
export async function sourcePictures({
  pictures,
  truth,
  size,
  only,
  restore,
}: SourceFolders): Promise<SourcePicture[]> {
  if (truth === undefined) {
    const found = await picturesByName(pictures);
    return Promise.all(
      [...found].map(async ([name, file]) => ({
        name,
        key: await keyOf(name, [file]),
        read: async () => ({ picture: asMetricPicture(await readResult(file, restore), file, !restore) }),
      })),
    );
  }
  const sets = await pairPictures({ hq: truth, restored: pictures }, { only });
  return Promise.all(
    sets.map(async ({ name, hq, restored }) => ({
      name,
      key: await keyOf(name, [restored!, hq]),
      read: async () => {
        const result = await readResult(restored!, restore);
        const wanted = layOnWhite(await readImageFile(hq));
        const compared =
          size === 'truth'
            ? comparedSize(name, wanted, wanted, undefined)
            : comparedSize(name, wanted, result, size);
        const own = resizeTo(result, compared, wanted);
        const other = resizeTo(wanted, compared, wanted);
        return {
          picture: asMetricPicture(own, restored!, own === result && !restore),
          truth: asMetricPicture(other, hq, other === wanted),
          ...(other !== wanted && { truthSize: { width: wanted.width, height: wanted.height } }),
        };
      },
    })),
  );
}

async function readResult(file: string, restore: SourceFolders['restore']): Promise<BytePixels> {
  const image = await readImageFile(file);
  return restore ? restore(image) : layOnWhite(image);
}

/** @param stored whether the pixels are the file's own */
function asMetricPicture(pixels: Pixels, file: string, stored: boolean): MetricPicture {
  return {
    pixels,
    async gray() {
      const bytes = stored ? await readImageBytes(file) : undefined;
      const jpeg = bytes?.[0] === 0xff && bytes[1] === 0xd8;
      return bytes && jpeg ? decodeJpegLuma(bytes) : openCvGray(toBytePixels(pixels));
    },
  };
}

async function keyOf(name: string, files: readonly string[]): Promise<string> {
  const marks = await Promise.all(
    files.map(async (file) => {
      // What is not there is reported where it is read.
      const status = await stat(file).catch(() => undefined);
      return status ? `${status.size}@${status.mtimeMs}` : 'missing';
    }),
  );
  return [name, ...marks].join(' ');
}
