/** What became of each face, as plain data for programs: rounded, and without the pictures. */

import type { Subject } from './find-subject.ts';
import type { FaceOutcome } from './restore-photo-faces.ts';
import type { RestoredSubject } from './restore-subject.ts';

/** Pixels are those of the photo, upright. */
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

/** @returns null where the picture was taken as one aligned face */
export function reportFaces(subject: Subject, restored: RestoredSubject): FaceReport[] | null {
  if (subject.kind === 'aligned' || restored.kind === 'aligned') return null;
  return restored.faces.map((outcome, i) => reportFace(outcome, subject.faces[i]!.index));
}

/** @param index in the detector's list */
function reportFace({ face, status, sharpness, identityDistance }: FaceOutcome, index: number): FaceReport {
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
