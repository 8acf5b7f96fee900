/**
 * The synthetic degradation that makes a low-quality face from a good one: blur, shrink, add noise, compress
 * as JPEG, enlarge. Everything random is drawn first and kept as plain data.
 */

import { RandomStream } from '../random/random-stream.ts';
import { applyTaps, composeTaps, filterTaps } from './axis-taps.ts';
import { filter2d } from './filter.ts';
import { gaussianKernel, gaussianWeights } from './gaussian-kernel.ts';
import { type BytePixels, type FloatPixels, type Pixels, toBytePixels, toFloatPixels } from './pixels.ts';
import { resizePixels } from './resize.ts';
import { resizeTaps } from './resize-taps.ts';

/** Lowest and highest value of a uniform draw. */
export type Range = readonly [low: number, high: number];

/** What the draws of a degradation are drawn from. */
export interface DegradationRanges {
  /** Side of the blur kernel in pixels, odd. */
  readonly kernelSize: number;
  /** Share of blurs that are alike in every direction. */
  readonly isotropicShare: number;
  /** Standard deviation of the blur in pixels, for each of its axes. */
  readonly blurSigma: Range;
  /** Factor by which the image shrinks. */
  readonly downsample: Range;
  /** Standard deviation of the noise, for values 0..255. */
  readonly noiseSigma: Range;
  /** JPEG quality, 1..100. */
  readonly jpegQuality: Range;
}

/** The ranges that the released models were trained with. */
export const standardDegradation: DegradationRanges = {
  kernelSize: 41,
  isotropicShare: 0.5,
  blurSigma: [0.1, 10],
  downsample: [1, 12],
  noiseSigma: [0, 15],
  jpegQuality: [60, 100],
};

/** Stronger ranges for hard cases. */
export const severeDegradation: DegradationRanges = {
  ...standardDegradation,
  blurSigma: [1, 15],
  downsample: [4, 30],
  noiseSigma: [0, 20],
  jpegQuality: [30, 80],
};

/** Weaker ranges, down to nearly nothing, so that good photographs stay good. */
const mildDegradation: DegradationRanges = {
  ...standardDegradation,
  blurSigma: [0.1, 1.5],
  downsample: [1, 2],
  noiseSigma: [0, 4],
  jpegQuality: [80, 100],
};

/** The ranges by name. */
export const degradationPresets = {
  mild: mildDegradation,
  standard: standardDegradation,
  severe: severeDegradation,
} as const;
export type DegradationPreset = keyof typeof degradationPresets;

/** Everything random about one degradation, as plain data: write it down, and `degrade` repeats it exactly. */
export interface DegradationDraws {
  readonly kernelSize: number;
  readonly sigmaX: number;
  readonly sigmaY: number;
  /** Angle of the blur's x axis in radians, -π..π. */
  readonly theta: number;
  readonly downsample: number;
  /** For values 0..255. */
  readonly noiseSigma: number;
  /** Seed of the noise's own random stream. */
  readonly noiseSeed: number;
  /** A whole number. */
  readonly jpegQuality: number;
}

/** Encodes an image as JPEG of a quality 1..100 and decodes it again. */
export type JpegRoundTrip = (pixels: BytePixels, quality: number) => Promise<Pixels>;

/** Draws one degradation; always takes the same number of words from the stream. */
export function drawDegradation(stream: RandomStream, ranges: DegradationRanges): DegradationDraws {
  const isotropic = stream.uniform() < ranges.isotropicShare;
  const sigmaX = stream.uniformBetween(...ranges.blurSigma);
  const sigmaY = stream.uniformBetween(...ranges.blurSigma);
  const theta = stream.uniformBetween(-Math.PI, Math.PI);
  return {
    kernelSize: ranges.kernelSize,
    sigmaX,
    sigmaY: isotropic ? sigmaX : sigmaY,
    theta: isotropic ? 0 : theta,
    downsample: stream.uniformBetween(...ranges.downsample),
    noiseSigma: stream.uniformBetween(...ranges.noiseSigma),
    noiseSeed: stream.word(),
    jpegQuality: Math.floor(stream.uniformBetween(...ranges.jpegQuality)),
  };
}

/** Side of the images that the ranges are meant for. */
const METHOD_SIDE = 512;

/**
 * The draws that do to an image of another side what `draws` do to one of 512: the blur is as wide in relation to
 * the image, the image shrinks to the same number of pixels, and noise and JPEG are those of that small image.
 * What it leaves out are details that the larger image has and the smaller has not.
 * @param side of the square image
 */
export function scaleDegradation(draws: DegradationDraws, side: number): DegradationDraws {
  if (side === METHOD_SIDE) return draws;
  const scale = side / METHOD_SIDE;
  const small = Math.max(1, Math.floor(METHOD_SIDE / draws.downsample));
  return {
    ...draws,
    kernelSize: 2 * Math.round(((draws.kernelSize - 1) / 2) * scale) + 1,
    sigmaX: draws.sigmaX * scale,
    sigmaY: draws.sigmaY * scale,
    // The half keeps rounding from losing a pixel: floor(side / downsample) is `small`.
    downsample: side / (small + 0.5),
  };
}

/**
 * The degraded image, of the same size as the good one.
 * @param pixels the good image; 512 x 512 RGB for the released models
 */
export async function degrade(
  pixels: Pixels,
  draws: DegradationDraws,
  roundTripJpeg: JpegRoundTrip,
): Promise<BytePixels> {
  const small = blurAndShrink(pixels, draws);
  const noise = new RandomStream(draws.noiseSeed).fillNormal(new Float32Array(small.data.length));
  const noisy = addNoise(small, noise, draws.noiseSigma);
  const compressed = await roundTripJpeg(toBytePixels(noisy), draws.jpegQuality);
  return enlarge(compressed, pixels);
}

/** Blurs, then resizes each side to floor(side / downsample), bilinearly; at least one pixel stays. */
export function blurAndShrink(
  pixels: Pixels,
  draws: Pick<DegradationDraws, 'kernelSize' | 'sigmaX' | 'sigmaY' | 'theta' | 'downsample'>,
): FloatPixels {
  const { kernelSize, sigmaX, sigmaY, theta, downsample } = draws;
  const { width, height, channels } = pixels;
  const shrink = (side: number) => Math.max(1, Math.floor(side / downsample));
  const small = { width: shrink(width), height: shrink(height) };
  if (theta !== 0 && sigmaX !== sigmaY) {
    const blurred = filter2d(pixels, gaussianKernel(kernelSize, sigmaX, sigmaY, theta));
    return toFloatPixels(resizePixels(blurred, small, 'bilinear'));
  }
  // Separable: blurred only where the smaller image is taken from.
  const along = (from: number, to: number, sigma: number) =>
    composeTaps(filterTaps(from, gaussianWeights(kernelSize, sigma)), resizeTaps(from, to, 'bilinear'));
  const rows = along(height, small.height, sigmaY);
  const columns = along(width, small.width, sigmaX);
  const short = applyTaps(toFloatPixels(pixels).data, rows, 1, height, width * channels);
  return { ...small, channels, data: applyTaps(short, columns, small.height, width, channels) };
}

/**
 * Adds sigma times the noise, value by value, and clamps to 0..255.
 * @param noise as many values as the image has
 */
export function addNoise(pixels: FloatPixels, noise: Float32Array, sigma: number): FloatPixels {
  if (noise.length !== pixels.data.length)
    throw new RangeError(`Cannot add noise of ${noise.length} values to an image of ${pixels.data.length}`);
  const data = pixels.data.map((value, i) => Math.min(255, Math.max(0, value + sigma * noise[i]!)));
  return { ...pixels, data };
}

/** Resizes bilinearly to the size of `original` and rounds to 8 bits. */
export function enlarge(compressed: Pixels, original: { width: number; height: number }): BytePixels {
  const size = { width: original.width, height: original.height };
  return toBytePixels(resizePixels(toFloatPixels(compressed), size, 'bilinear'));
}
