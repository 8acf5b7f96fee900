/** A photo's pixels, upright; those of the last photo are kept, as several calls look at them. */

import { type Orientation, orientPixels } from '../../image/orient-pixels.ts';
import type { BytePixels } from '../../image/pixels.ts';
import type { Picture } from '../../restore/photo/restore-subject.ts';
import type { PhotoSource } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { type DecodedPicture, decodePicture } from './decode-picture.ts';
import { PageFailure } from './page-failure.ts';

export interface OpenPhoto extends Pick<DecodedPicture, 'format' | 'facts' | 'notes'> {
  /** upright and turned; RGB as in the file, also where nothing of it is seen */
  readonly picture: Picture;
}

type XmpTools = Pick<CallTools, 'updateXmp'>;

let last: { readonly key: string; readonly photo: Promise<OpenPhoto> } | undefined;

/** @throws {PageFailure} if it cannot be read, or is too large for a browser */
export function openPhoto(source: PhotoSource, tools: XmpTools): Promise<OpenPhoto> {
  const key = `${source.id} ${source.turns}`;
  if (last?.key === key) return last.photo;
  last = undefined; // its memory may be needed for the next
  const photo = open(source, tools);
  last = { key, photo };
  photo.catch(() => {
    if (last?.photo === photo) last = undefined;
  });
  return photo;
}

export async function pictureOf(source: PhotoSource, tools: XmpTools): Promise<Picture> {
  return (await openPhoto(source, tools)).picture;
}

/** EXIF orientations of 0 to 3 quarter turns to the right. */
const turned: readonly Orientation[] = [1, 6, 3, 8];

async function open({ file, turns }: PhotoSource, tools: XmpTools): Promise<OpenPhoto> {
  const bytes = new Uint8Array(
    await file.arrayBuffer().catch((cause: unknown) => {
      throw new PageFailure('unreadable', 'the file cannot be read any more', cause);
    }),
  );
  const { pixels, alpha, format, facts, notes } = await decodePicture(bytes, tools);
  const turn = (plane: BytePixels): BytePixels =>
    orientPixels(orientPixels(plane, facts.orientation), turned[turns % 4]!);
  const picture = { pixels: turn(pixels), ...(alpha && { alpha: turn(alpha) }) };
  return { format, facts, notes, picture };
}
