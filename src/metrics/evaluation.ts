/** What is measured of a set of restored faces, and its summary. */

import type { PictureFeatures } from './feature-network.ts';
import { statisticsOf } from './feature-statistics.ts';
import { frechetDistance } from './frechet.ts';

/** How close a picture is to the truth. What was not measured is absent. */
export interface Scores {
  /** dB, higher is better; infinite for equal pictures, which JSON writes as null */
  readonly psnr: number;
  /** up to 1, higher is better */
  readonly ssim: number;
  /** of aligned faces: how much of the detail around the eyes is the finest, higher is sharper; needs no truth */
  readonly sharpness?: number;
  /** degrees between the descriptors of the faces, lower is better */
  readonly identity?: number;
  /** lower is better */
  readonly lpips?: number;
}

export interface ImageScores extends Scores {
  readonly name: string;
  /** time to restore it, in milliseconds */
  readonly ms?: number;
  /** of the low-quality picture itself */
  readonly input?: Scores;
}

export interface Evaluation {
  readonly count: number;
  readonly mean: Scores & { readonly ms?: number };
  /**
   * Fréchet distance between the features of all restored and all true faces, lower is better. It depends on the
   * number of faces: compare sets of one size only.
   */
  readonly frechet?: number;
  /** The network whose features these are. */
  readonly features?: string;
  /** The same of the low-quality pictures. */
  readonly input?: Scores & { readonly frechet?: number };
  readonly images: readonly ImageScores[];
}

/** @throws {RangeError} if there is no image */
export function summarizeEvaluation(images: readonly ImageScores[], features?: PictureFeatures): Evaluation {
  if (images.length === 0) throw new RangeError('Cannot summarise an evaluation of no image');
  const inputs = images.flatMap(({ input }) => input ?? []);
  return {
    count: images.length,
    mean: { ...meanScores(images), ...meanOf(images, 'ms') },
    ...(features && { features: features.network, ...frechetOf(features.restored, features.truth) }),
    ...(inputs.length > 0 && {
      input: { ...meanScores(inputs), ...(features && frechetOf(features.input, features.truth)) },
    }),
    images,
  };
}

/**
 * The value below which a share of `values` lies, linearly between neighbours.
 * @param share 0..1
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below === above ? below : below + (above - below) * (position % 1);
}

function meanScores(scores: readonly Scores[]): Scores {
  return {
    psnr: mean(scores.map(({ psnr }) => psnr)),
    ssim: mean(scores.map(({ ssim }) => ssim)),
    ...meanOf(scores, 'sharpness'),
    ...meanOf(scores, 'identity'),
    ...meanOf(scores, 'lpips'),
  };
}

/** The mean under its name, or nothing if a value is absent. */
function meanOf<Key extends string>(
  scores: readonly { readonly [K in Key]?: number }[],
  key: Key,
): { readonly [K in Key]?: number } {
  const values = scores.flatMap((score) => score[key] ?? []);
  if (values.length < scores.length) return {};
  return { [key]: mean(values) } as { readonly [K in Key]?: number };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Two vectors are the least that have a covariance. */
function frechetOf(a: readonly Float32Array[], b: readonly Float32Array[]): { readonly frechet?: number } {
  if (a.length < 2 || b.length < 2) return {};
  return { frechet: frechetDistance(statisticsOf(a), statisticsOf(b)) };
}
