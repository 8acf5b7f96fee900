/** One photo of the batch, from its file to its result. */

import type { DetectedFace } from '../../face/face-detector.ts';
import type {
  AlignedRestored,
  FaceResult,
  FailureCode,
  FoundSubject,
  PhotoNote,
  PhotoSource,
  Restored,
  RestoredPicture,
} from '../bridge/messages.ts';

export type PhotoStage = 'waiting' | 'finding' | 'restoring' | 'done' | 'stopped' | 'failed';

export interface FaceItem {
  /** from 1, as shown */
  readonly number: number;
  readonly detected: DetectedFace;
  /** drawn by hand, or asked for although it was left alone */
  force: boolean;
  wanted: boolean;
  /** too small to be restored unless asked for */
  readonly small: boolean;
  /** of the seed that is asked for now */
  result?: FaceResult;
  /** of the result at the photo's strength */
  identityDistance?: number;
}

/** Looked at, and not restored, although it is wanted. */
export const isLeftAlone = ({ wanted, result }: FaceItem): boolean =>
  wanted && result !== undefined && !result.after;

/** The whole picture as one face. */
export type AlignedResult = Omit<AlignedRestored, keyof Restored>;

/** Longer side of the smallest face that is restored unasked, in pixels: smaller ones show too little of a person. */
const smallestFace = 32;

let lastId = 0;

export class PhotoItem {
  readonly file: File;
  readonly id = ++lastId;
  stage: PhotoStage = 'waiting';
  turns = 0;
  seed = 0;
  /** 0..1; as the model is best unless set */
  fidelity?: number;
  /** One aligned face is restored although it is sharp. */
  forceAligned = false;
  /** 0..1 */
  strength = 1;
  /** of the stage */
  progress = 0;
  found?: FoundSubject;
  faces: FaceItem[] = [];
  aligned?: AlignedResult;
  failure?: { readonly code: FailureCode; readonly message: string };
  notes: readonly PhotoNote[] = [];

  constructor(file: File) {
    this.file = file;
  }

  get source(): PhotoSource {
    return { id: this.id, file: this.file, turns: this.turns };
  }

  /** Faces that are wanted and not yet looked at. */
  get pending(): FaceItem[] {
    return this.faces.filter(({ wanted, result, force }) => wanted && (!result || (force && !result.after)));
  }

  get needsWork(): boolean {
    if (this.stage === 'failed' || this.stage === 'stopped') return false;
    if (!this.found) return true;
    return this.found.aligned ? !this.aligned : this.pending.length > 0;
  }

  /** What is to be laid into the photo; undefined before anything was found. */
  get restored(): RestoredPicture | undefined {
    if (this.aligned) return this.aligned.picture;
    if (!this.found || this.found.aligned) return undefined;
    const results = this.faces.flatMap(({ wanted, result }) => (wanted && result?.after ? [result] : []));
    const faces = results.flatMap(({ face }) => (face ? [face] : []));
    if (faces.length === results.length) return { kind: 'photo', faces };
    return { kind: 'patches', patches: results.flatMap(({ patch }) => (patch ? [patch] : [])) };
  }

  get restoredCount(): number {
    if (this.aligned) return this.aligned.after ? 1 : 0;
    return this.faces.filter(({ wanted, result }) => wanted && result?.after).length;
  }

  take(found: FoundSubject): void {
    this.found = found;
    this.notes = found.notes;
    this.faces = [];
    for (const face of found.faces) this.addFace(face, false);
  }

  addFace(detected: DetectedFace, drawn: boolean): FaceItem {
    const small = !drawn && Math.max(detected.box.width, detected.box.height) < smallestFace;
    const face = { number: this.faces.length + 1, detected, force: drawn, wanted: !small, small };
    this.faces.push(face);
    return face;
  }

  /** Takes a face in or leaves it out; one that was left alone is then restored all the same. */
  toggle(face: FaceItem): void {
    const leftAlone = isLeftAlone(face);
    face.wanted = leftAlone ? true : !face.wanted;
    if (face.wanted && (leftAlone || face.small)) face.force = true;
    this.#again();
  }

  /** Restores all the same what was left alone. */
  forceAll(): void {
    for (const face of this.faces) if (isLeftAlone(face)) face.force = true;
    if (this.aligned && !this.aligned.after) {
      this.forceAligned = true;
      this.aligned = undefined;
    }
    this.#again();
  }

  turn(): void {
    this.turns = (this.turns + 1) % 4;
    this.restart();
  }

  /** Other faces: of another seed, or nearer to the photo or the model. */
  vary({ seed = this.seed, fidelity = this.fidelity }: { seed?: number; fidelity?: number }): void {
    this.seed = seed;
    this.fidelity = fidelity;
    this.aligned = undefined;
    for (const face of this.faces) {
      face.result = undefined;
      face.identityDistance = undefined;
    }
    this.#again();
  }

  resume(): void {
    this.failure = undefined;
    this.stage = 'waiting';
  }

  /** Looks at it anew, from its file on. */
  restart(): void {
    this.found = undefined;
    this.aligned = undefined;
    this.faces = [];
    this.fidelity = undefined;
    this.forceAligned = false;
    this.resume();
  }

  #again(): void {
    if (this.stage === 'failed') return;
    this.stage = 'waiting';
    if (!this.needsWork) this.stage = 'done';
  }
}
