/** A photo's pixels, upright; those of the last photo are kept, as several calls look at them. */

import { createPixels, type Pixels } from '../../image/pixels.ts';
import { type Orientation, orientPixels } from '../../image/orient-pixels.ts';
import { layOnWhite } from '../../image/transparency.ts';
import type { Picture } from '../../restore/photo/restore-subject.ts';
import type { PhotoNote, PhotoSource } from '../bridge/messages.ts';
import { decodePicture, type DecodedPicture } from './decode-picture.ts';
import { PageFailure } from './page-failure.ts';

export interface OpenPhoto extends Omit<DecodedPicture, 'pixels' | 'alpha' | 'orientation'> {
  /** upright and turned */
  readonly picture: Picture;
  /** RGB as in the file, also where nothing of it is seen */
  readonly colors: Pixels;
  readonly notes: readonly PhotoNote[];
}

let last: { readonly key: string; readonly photo: Promise<OpenPhoto> } | undefined;

/** @throws {PageFailure} if it cannot be read, or is too large for a browser */
export function openPhoto(source: PhotoSource): Promise<OpenPhoto> {
  const key = `${source.id} ${source.turns}`;
  if (last?.key === key) return last.photo;
  last = undefined; // its memory may be needed for the next
  const photo = open(source);
  last = { key, photo };
  photo.catch(() => {
    if (last?.photo === photo) last = undefined;
  });
  return photo;
}

export async function pictureOf(source: PhotoSource): Promise<Picture> {
  return (await openPhoto(source)).picture;
}

/** EXIF orientations of 0 to 3 quarter turns to the right. */
const turned: readonly Orientation[] = [1, 6, 3, 8];

async function open({ file, turns }: PhotoSource): Promise<OpenPhoto> {
  const bytes = new Uint8Array(await file.arrayBuffer().catch((cause: unknown) => {
    throw new PageFailure('unreadable', 'the file cannot be read any more', cause);
  }));
  const { pixels, alpha, orientation, ...rest } = await decodePicture(bytes);
  const turn = <P extends Pixels>(plane: P): P =>
    orientPixels(orientPixels(plane, orientation), turned[turns % 4]!);
  const colors = turn(pixels);
  const opacity = alpha && turn(alpha);
  return {
    ...rest,
    colors,
    picture: { pixels: layOnWhite({ pixels: colors, alpha: opacity }), ...(opacity && { alpha: opacity }) },
  };
}

/** RGB and opacity apart; there is no opacity where all of it is seen. */
export function separate(rgba: Uint8ClampedArray | Uint8Array, width: number, height: number) {
  const area = width * height;
  const colors = new Uint8Array(3 * area);
  let opacity: Uint8Array | undefined;
  for (let i = 0; i < area; i++) {
    colors[3 * i] = rgba[4 * i]!;
    colors[3 * i + 1] = rgba[4 * i + 1]!;
    colors[3 * i + 2] = rgba[4 * i + 2]!;
    const seen = rgba[4 * i + 3]!;
    if (seen === 255 && !opacity) continue;
    opacity ??= new Uint8Array(area).fill(255);
    opacity[i] = seen;
  }
  return {
    pixels: createPixels(width, height, 3, colors),
    ...(opacity && { alpha: createPixels(width, height, 1, opacity) }),
  };
}
