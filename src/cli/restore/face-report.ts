/** What became of each face, for programs and for the terminal. */

import { anotherPersonFrom } from '../../face/face-describer.ts';
import type { FaceOutcome } from '../../restore/restore-photo.ts';

export interface FaceReport {
  readonly index: number;
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly score: number;
  readonly landmarks: readonly (readonly [number, number])[];
  /** 'sharp', 'unpainted': left alone */
  readonly status: FaceOutcome['status'];
  readonly sharpness: number;
  /** of the descriptors before and after: see `anotherPersonFrom` */
  readonly identityDistance: number | null;
}

/** @param index in the detector's list */
export function reportFace(
  { face, status, sharpness, identityDistance }: FaceOutcome,
  index: number,
): FaceReport {
  const { box, score, landmarks } = face;
  const { x, y, width, height } = box;
  const tenth = (value: number): number => Math.round(10 * value) / 10;
  return {
    index,
    box: { x: tenth(x), y: tenth(y), width: tenth(width), height: tenth(height) },
    score: thousandth(score),
    landmarks: landmarks.map(([px, py]) => [tenth(px), tenth(py)]),
    status,
    sharpness: thousandth(sharpness),
    identityDistance: identityDistance === undefined ? null : thousandth(identityDistance),
  };
}

function thousandth(value: number): number {
  return Math.round(1000 * value) / 1000;
}

/** What became of the faces, for the terminal. */
export function describeFaces(faces: readonly FaceReport[]): string[] {
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
