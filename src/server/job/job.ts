/** A job: one photo to be restored, or to be looked through for faces, and what became of it. */

import type { FaceReport, FoundFace } from '../../restore/photo/face-report.ts';
import type { RestorationOptions } from './restoration-options.ts';

export type JobKind = 'restoration' | 'detection';
type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** What is kept of a request before it is accepted. */
export interface JobRequest {
  /** unguessable */
  readonly id: string;
  readonly kind: JobKind;
  /** whose it is: nobody else sees it */
  readonly client: string;
  readonly options: RestorationOptions;
  /** ISO 8601 */
  readonly createdAt: string;
}

export interface JobProgress {
  /** 0..1 */
  readonly fraction: number;
  readonly label: string;
}

export interface JobOutcome {
  /** of the photo, upright, in pixels */
  readonly width: number;
  readonly height: number;
  /** null where the picture was taken as one aligned face */
  readonly faces: readonly (FoundFace | FaceReport)[] | null;
  /** what was done to the picture, or left out of the result */
  readonly notes: readonly string[];
  /** absent of a detection */
  readonly result?: { readonly mediaType: string; readonly bytes: number };
  /** what took how long */
  readonly seconds: Readonly<Record<string, number>>;
}

/** Why a job failed, in words for whoever sent it: nothing of the machine is in them. */
export interface JobProblem {
  readonly code:
    | 'unreadable-picture'
    | 'too-large'
    | 'too-many-faces'
    | 'no-such-face'
    | 'unsupported-option'
    | 'timeout'
    | 'worker-lost'
    | 'internal';
  readonly detail: string;
}

export interface Job extends JobRequest {
  readonly state: JobState;
  readonly progress: JobProgress;
  /** how often it was begun */
  readonly attempts: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** of one that is done */
  readonly outcome?: JobOutcome;
  /** of one that failed */
  readonly problem?: JobProblem;
}

/** Whether nothing more becomes of the job. */
export const isFinished = ({ state }: Pick<Job, 'state'>): boolean =>
  state === 'done' || state === 'failed' || state === 'cancelled';

/** A job that failed for a reason which its sender may know. */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly problem: JobProblem;

  constructor(problem: JobProblem, options?: ErrorOptions) {
    super(problem.detail, options);
    this.problem = problem;
  }
}

/** What the sender of a job is told of an error. */
export function problemOfError(error: unknown): JobProblem {
  if (error instanceof JobError) return error.problem;
  return { code: 'internal', detail: 'something went wrong in the service; its log says what' };
}
