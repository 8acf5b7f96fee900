import { type LaidSubject, laySubject, type Picture } from '../../restore/photo/restore-subject.ts';
import type { Calls } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { encodePicture } from './encode-picture.ts';
import { openPhoto } from './open-photo.ts';
import { layPatches, wholeThere } from './service-photo.ts';

/** The result as a file of the photo's format, with what the photo's file says of it. */
export async function savePicture(
  asked: Calls['save']['asked'],
  tools: CallTools,
): Promise<Calls['save']['answer']> {
  const { photo } = asked;
  const opened = await openPhoto(photo, tools);
  const { pixels, alpha, untouched } = await lay(asked, opened.picture, tools);
  // The photo's own bytes, unless it was turned.
  if (untouched && photo.turns === 0) {
    const extension = opened.format === 'jpeg' ? 'jpg' : opened.format;
    return { file: photo.file, extension, notes: [] };
  }
  return encodePicture(pixels, alpha, opened);
}

async function lay(
  { photo, model, restored, strength }: Calls['save']['asked'],
  picture: Picture,
  tools: CallTools,
): Promise<LaidSubject> {
  if (restored.kind === 'whole') {
    const key = model.kind === 'service' ? model : {};
    return { ...(await wholeThere(photo, restored, strength, key, tools)), untouched: false };
  }
  if (restored.kind === 'patches') {
    const pixels = await layPatches(picture.pixels, restored, strength);
    return { pixels, alpha: picture.alpha, untouched: restored.patches.length === 0 };
  }
  return laySubject(picture, restored, { strength });
}
