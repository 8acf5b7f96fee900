/** What is asked of a video's restoration, and what became of it. */

import type { FaceDetector } from '../../../face/face-detector.ts';
import type { FaceParser } from '../../../face/face-parser.ts';
import type { PhotoOptions } from '../../../restore/photo/photo-options.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import type { VideoFormat } from './video-format.ts';
import type { VideoKeys } from './video-journal.ts';

export interface VideoOptions
  extends Omit<PhotoOptions, 'upscale' | 'background' | 'parser' | 'paint' | 'describer' | 'onProgress'> {
  /** Longer side of the smallest face to look for, in pixels; a twelfth of the shorter side of the pictures unless given. */
  readonly minSize?: number;
  readonly minScore?: number;
  /** Frames over which landmarks are smoothed, see `trackFaces`. */
  readonly smoothing?: number;
}

export interface VideoProgress {
  readonly phase: 'find' | 'restore' | 'join';
  readonly frame: number;
  /** of the video; an estimate while faces are looked for */
  readonly frames: number;
}

export interface VideoTools {
  detector(): Promise<FaceDetector>;
  restorer(): Promise<Restorer>;
  /** see `PhotoOptions` */
  parser?(): Promise<FaceParser | undefined>;
}

export interface VideoRequest {
  readonly input: string;
  readonly output: string;
  readonly format: VideoFormat;
  /** tell apart runs that may not go on from each other's parts */
  readonly keys: VideoKeys;
  readonly options: VideoOptions;
  readonly tools: VideoTools;
  readonly onProgress?: (progress: VideoProgress) => void;
  /** Told when the result is there; only then the parts go. */
  readonly onResult?: (report: VideoReport) => Promise<void>;
  /** A part is closed after this long, so that a stopped run loses no more; a minute unless given. */
  readonly partMs?: number;
}

/** One face of a video. */
export interface TrackReport {
  readonly track: number;
  readonly firstFrame: number;
  readonly frames: number;
  /** mean over the track, in pixels */
  readonly size: number;
  /** 'sharp': left alone */
  readonly status: 'restored' | 'sharp';
}

export interface VideoReport {
  readonly frames: number;
  readonly tracks: readonly TrackReport[];
  /** frames that an earlier run had restored */
  readonly resumedFrames: number;
  /** No face was restored. */
  readonly unchanged: boolean;
  readonly notes: readonly string[];
}
