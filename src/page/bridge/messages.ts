/** What the page and its worker tell each other. The worker keeps networks; photos and results are the page's. */

import type { DetectedFace, FaceBox } from '../../face/face-detector.ts';
import type { UpdatedXmp } from '../../image/file/xmp.ts';
import type { PhotoFace } from '../../restore/photo/restore-photo-faces.ts';
import type { PictureFace } from '../../restore/photo/restore-picture.ts';

/**
 * What restores: weights of the page, of a folder on a server, or of a chosen folder; or the service that has served the
 * page, to which photos are then sent.
 */
export type ModelChoice =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'folder'; readonly files: readonly File[] }
  /** `key`: where the service asks for one */
  | { readonly kind: 'service'; readonly key?: string };

/** A photo as it is to be looked at. */
export interface PhotoSource {
  readonly id: number;
  readonly file: Blob;
  /** quarter turns to the right, after its EXIF orientation */
  readonly turns: number;
}

/** A picture laid over a part of the photo, in pixels of it. */
export interface Patch extends FaceBox {
  /** transparent where nothing changes */
  readonly image: Blob;
}

/** What people should know of a photo, or of its result. */
export type PhotoNote =
  /** to the colours of sRGB */
  | { readonly kind: 'converted' }
  /** to 8 bits */
  | { readonly kind: 'depth' }
  /** its end is missing */
  | { readonly kind: 'incomplete' }
  /** the result has another format */
  | { readonly kind: 'format'; readonly format: string }
  | { readonly kind: 'left-out'; readonly what: readonly string[] };

export interface FoundSubject {
  readonly width: number;
  readonly height: number;
  readonly notes: readonly PhotoNote[];
  /** One aligned face fills the picture. */
  readonly aligned: boolean;
  readonly faces: readonly DetectedFace[];
}

/** A face as soon as it is done, and what to show of it. */
export interface FaceResult {
  /** absent of a service's results */
  readonly face?: PhotoFace;
  /** of the descriptors before and after, at full strength; absent if it was not measured */
  readonly identityDistance?: number;
  readonly before: Blob;
  readonly after?: Blob;
  /** what restoring changes in the photo, at full strength */
  readonly patch?: Patch;
}

export type RestoredPicture =
  | { readonly kind: 'aligned'; readonly face: PictureFace }
  | { readonly kind: 'photo'; readonly faces: readonly PhotoFace[] }
  /** by a service: what changes in the photo, at full strength */
  | { readonly kind: 'patches'; readonly patches: readonly Patch[] }
  /** by a service, of one aligned face: it is asked again at another strength */
  | { readonly kind: 'whole'; readonly seed: number; readonly fidelity?: number; readonly after: Blob };

/** What the model made it with, and what it offers. */
export interface Restored {
  readonly device: Device;
  /** how far the model follows the photo unless told; absent if it does not see the photo */
  readonly fidelity?: number | undefined;
}

export interface AlignedRestored extends Restored {
  readonly picture: RestoredPicture;
  readonly before: Blob;
  /** absent where the face was left alone */
  readonly after?: Blob;
}

/** WebGPU, WebAssembly, or the service. */
export interface Device {
  readonly name: 'WebGPU' | 'WebAssembly' | 'service';
  readonly threads: number;
  /** Why it is not WebGPU; absent where it is. */
  readonly without?: 'no-adapter' | 'wrong-results';
  /** Threads need a page that is isolated from other origins. */
  readonly isolated: boolean;
}

/** What the page asks for, and what it gets. */
export interface Calls {
  find: { asked: { photo: PhotoSource; model: ModelChoice }; answer: FoundSubject };
  /** The face in a box drawn by hand. */
  locate: { asked: { photo: PhotoSource; model: ModelChoice; box: FaceBox }; answer: DetectedFace };
  restore: {
    asked: {
      photo: PhotoSource;
      model: ModelChoice;
      faces: readonly DetectedFace[];
      /** Sharp ones too. */
      force: boolean;
      seed: number;
      fidelity?: number;
    };
    answer: Restored;
  };
  restoreAligned: {
    asked: { photo: PhotoSource; model: ModelChoice; force: boolean; seed: number; fidelity?: number };
    answer: AlignedRestored;
  };
  /** Distances of the faces' descriptors before and after, at a strength. */
  identity: { asked: { faces: readonly PhotoFace[]; strength: number }; answer: readonly number[] };
  save: {
    asked: { photo: PhotoSource; model: ModelChoice; restored: RestoredPicture; strength: number };
    answer: { file: Blob; extension: string; notes: readonly PhotoNote[] };
  };
}
export type CallName = keyof Calls;

/** Heard of while a call runs. */
export type CallEvent =
  | { readonly kind: 'download'; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly kind: 'downloaded' }
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'face'; readonly index: number; readonly result: FaceResult };

/** Errors that the page has words for; others come with the engine's. */
export type FailureCode =
  | 'unreadable'
  | 'format'
  | 'too-large'
  | 'memory'
  | 'offline'
  /** the weights that were chosen cannot be used */
  | 'model'
  /** a network's result holds no numbers */
  | 'not-finite'
  | 'service-key'
  | 'service-busy'
  /** the service refused, or failed */
  | 'service'
  | 'other';

export type ToWorker =
  | {
      readonly [Name in CallName]: { kind: 'call'; call: number; name: Name; asked: Calls[Name]['asked'] };
    }[CallName]
  | { readonly kind: 'cancel'; readonly call: number }
  | { readonly kind: 'xmp'; readonly call: number; readonly updated: UpdatedXmp };

export type FromWorker =
  | { readonly kind: 'event'; readonly call: number; readonly event: CallEvent }
  | { readonly kind: 'answer'; readonly call: number; readonly answer: Calls[CallName]['answer'] }
  /** Workers have no XML: the page does it, and tells. */
  | { readonly kind: 'xmp'; readonly call: number; readonly xmp: Uint8Array }
  | { readonly kind: 'cancelled'; readonly call: number }
  | { readonly kind: 'failed'; readonly call: number; readonly code: FailureCode; readonly message: string };
