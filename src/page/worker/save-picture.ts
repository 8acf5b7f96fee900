import { laySubject } from '../../restore/photo/restore-subject.ts';
import type { Calls } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { encodePicture } from './encode-picture.ts';
import { openPhoto } from './open-photo.ts';

/** The result as a file of the photo's format, with what the photo's file says of it. */
export async function savePicture(
  { photo, restored, strength }: Calls['save']['asked'],
  tools: CallTools,
): Promise<Calls['save']['answer']> {
  const opened = await openPhoto(photo, tools);
  const { pixels, alpha, untouched } = await laySubject(opened.picture, restored, { strength });
  // The photo's own bytes, unless it was turned.
  if (untouched && photo.turns === 0) {
    const extension = opened.format === 'jpeg' ? 'jpg' : opened.format;
    return { file: photo.file, extension, notes: [] };
  }
  return encodePicture(pixels, alpha, opened);
}
