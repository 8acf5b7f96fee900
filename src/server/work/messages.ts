/** What a server process and the process that restores for it tell each other. */

import type { JobKind, JobOutcome, JobProblem, JobProgress } from '../job/job.ts';
import type { RestorationOptions } from '../job/restoration-options.ts';

/** What the restoring process is started with. */
export interface WorkSettings {
  readonly checkpoint?: string | undefined;
  readonly threads?: number | undefined;
  readonly memory?: 'low' | 'balanced' | 'fast' | undefined;
  readonly limits: PhotoLimits;
}

/** Most that one photo may have. */
export interface PhotoLimits {
  readonly maxPixels: number;
  readonly maxFaces: number;
}

export interface WorkRequest {
  readonly id: string;
  readonly kind: JobKind;
  readonly options: RestorationOptions;
  /** bytes of a picture file */
  readonly photo: Uint8Array;
}

export type WorkAnswer =
  /** Networks are being loaded no longer. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly progress: JobProgress }
  | { readonly kind: 'done'; readonly outcome: JobOutcome; readonly result?: Uint8Array }
  /** `log`: for the service's own eyes */
  | { readonly kind: 'failed'; readonly problem: JobProblem; readonly log: string };
