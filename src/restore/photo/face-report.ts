/** What became of each face, as plain data for programs: rounded, and without the pictures. */

import type { SelectedFace } from '../../face/select-faces.ts';
import type { Subject } from './find-subject.ts';
import type { FaceOutcome } from './restore-photo-faces.ts';
import type { RestoredSubject } from './restore-subject.ts';

/** Pixels are those of the photo, upright. */
export interface FoundFace {
  /** in the detector's list */
  readonly index: number;
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** 0..1 */
  readonly score: number;
  /** eyes, tip of the nose, corners of the mouth */
  readonly landmarks: readonly (readonly [number, number])[];
}

export interface FaceReport extends FoundFace {
  /** 'sharp', 'unpainted': left alone */
  readonly status: FaceOutcome['status'];
  readonly sharpness: number;
  /** of the descriptors before and after: see `anotherPersonFrom` */
  readonly identityDistance: number | null;
}

/** A face as it was found. */
export function reportFound({ index, box, score, landmarks }: SelectedFace): FoundFace {
  const { x, y, width, height } = box;
  return {
    index,
    box: { x: tenth(x), y: tenth(y), width: tenth(width), height: tenth(height) },
    score: thousandth(score),
    landmarks: landmarks.map(([px, py]) => [tenth(px), tenth(py)]),
  };
}

/** @returns null where the picture was taken as one aligned face */
export function reportFaces(subject: Subject, restored: RestoredSubject): FaceReport[] | null {
  if (subject.kind === 'aligned' || restored.kind === 'aligned') return null;
  return restored.faces.map(({ status, sharpness, identityDistance }, i) => ({
    ...reportFound(subject.faces[i]!),
    status,
    sharpness: thousandth(sharpness),
    identityDistance: identityDistance === undefined ? null : thousandth(identityDistance),
  }));
}

const tenth = (value: number): number => Math.round(10 * value) / 10;
const thousandth = (value: number): number => Math.round(1000 * value) / 1000;
