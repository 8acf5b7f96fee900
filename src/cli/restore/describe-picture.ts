/** What became of each face, for the terminal. */

import { anotherPersonFrom } from '../../face/another-person.ts';
import type { BytePixels } from '../../image/pixels.ts';
import { type FaceReport, reportFaces } from '../../restore/photo/face-report.ts';
import { unfilledShare } from '../../restore/photo/fill-in.ts';
import type { Subject } from '../../restore/photo/find-subject.ts';
import type { PhotoColor } from '../../restore/photo/photo-options.ts';
import type { RestoredSubject } from '../../restore/photo/restore-subject.ts';
import { noFaceAdvice } from '../terminal/no-face-advice.ts';

/** What became of a picture, for the terminal. */
export function describePicture(
  picture: BytePixels,
  subject: Subject,
  restored: RestoredSubject,
  { paint, color }: { readonly paint?: BytePixels; readonly color?: PhotoColor },
): string[] {
  if (restored.kind === 'aligned' && !restored.face.output)
    return ['sharp already and left alone (--force restores it)'];
  if (subject.kind === 'aligned') return describeAligned(picture, subject.recognised, paint !== undefined);
  if (subject.faces.length === 0 && color !== 'gray')
    return [
      paint ? 'no face found to fill in; draw a --box around it, or say --aligned' : noFaceAdvice(picture),
    ];
  const notes = describeFaces(reportFaces(subject, restored) ?? []);
  const unfilled = paint ? Math.round(100 * unfilledShare(paint, subject.faces)) : 0;
  if (unfilled > 0) notes.push(`${unfilled} % of what is painted is not near a face and stays as it is`);
  return notes;
}

function describeAligned({ width, height }: BytePixels, recognised: boolean, isFilledIn: boolean): string[] {
  const notes: string[] = [];
  if (recognised)
    notes.push(`taken for an aligned face${isFilledIn ? '' : ': all of the picture is restored'}`);
  if (width !== height)
    notes.push(`not square (${width} x ${height}): its edges were repeated for the model and cut off again`);
  return notes;
}

function describeFaces(faces: readonly FaceReport[]): string[] {
  const restored = faces.filter(({ status }) => status === 'restored');
  const notes = [`${count(faces.length)}: ${restored.length} restored`];
  const sharp = faces.filter(({ status }) => status === 'sharp').length;
  const unpainted = faces.length - restored.length - sharp;
  if (sharp > 0)
    notes[0] += `, ${sharp} sharp already and left alone (--force restores ${sharp > 1 ? 'them' : 'it'})`;
  if (unpainted > 0) notes[0] += `, ${unpainted} without paint and left alone`;
  for (const { index, box, identityDistance } of restored) {
    const where = `face ${index} (${Math.round(box.width)} x ${Math.round(box.height)} at ${Math.round(box.x)},${Math.round(box.y)})`;
    if (identityDistance === null) continue;
    const changed =
      identityDistance >= anotherPersonFrom
        ? ': the person may have changed; try a lower --strength or another --seed'
        : '';
    notes.push(`${where}: identity distance ${identityDistance.toFixed(2)}${changed}`);
  }
  return notes;
}

function count(faces: number): string {
  return faces === 0 ? 'no face' : faces === 1 ? '1 face' : `${faces} faces`;
}
