import { whitenUnseen } from '../../image/transparency.ts';
import { findSubject, type PhotoTools } from '../../restore/photo/find-subject.ts';
import type { FoundSubject, PhotoSource } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { openPhoto } from './open-photo.ts';

/** The faces of a photo, or that it is one aligned face. */
export async function locateFaces(
  photo: PhotoSource,
  tools: Pick<PhotoTools, 'detector' | 'restorer'>,
  { signal, onEvent, updateXmp }: CallTools,
): Promise<FoundSubject> {
  const { picture, notes } = await openPhoto(photo, { updateXmp });
  const { width, height } = picture.pixels;
  const subject = await findSubject(whitenUnseen(picture.pixels, picture.alpha), tools, {
    signal,
    // Before each tile the other events of the worker get their turn, in the runtime.
    onProgress: (fraction) => onEvent({ kind: 'progress', fraction }),
  });
  const aligned = subject.kind === 'aligned';
  return { width, height, notes, aligned, faces: aligned ? [] : subject.faces };
}
