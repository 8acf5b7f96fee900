/** From images and a plan to a batch: crop, flip, degrade, resize. */

import { degrade, type JpegRoundTrip, scaleDegradation } from '../image/degradation.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import { type BytePixels, type Pixels, toBytePixels, toFloatPixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { cutWindow, type PixelWindow } from '../restore/square-face.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import {
  type SamplePlan,
  type TrainingBatch,
  type TrainingDataSettings,
  TrainingPlan,
} from './training-data.ts';

/** RGB images to train on, wherever they are. */
export interface ImageSource {
  readonly count: number;
  /** `low`: the same picture, degraded already; of any size but the same shape */
  read(index: number): Promise<{ readonly high: BytePixels; readonly low?: BytePixels }>;
}

/**
 * A function that makes the batch of an iteration.
 * @throws {RangeError} if there are no images, or a setting is out of range
 */
export function createBatchMaker(
  settings: TrainingDataSettings,
  images: ImageSource,
  roundTripJpeg: JpegRoundTrip,
): (iteration: number) => Promise<TrainingBatch> {
  const plan = new TrainingPlan(settings, images.count);
  const { size } = settings;
  const shape = [settings.batch, 3, size, size];
  return async (iteration) => {
    const high = hostTensor(shape);
    const low = hostTensor(shape);
    let degraded = false;
    for (const [i, sample] of plan.batch(iteration).entries()) {
      const pair = await makeSample(await images.read(sample.image), sample, settings, roundTripJpeg);
      const at = i * 3 * size * size;
      high.data.set(pixelsToTensor(pair.high).data, at);
      if (pair.low) low.data.set(pixelsToTensor(pair.low).data, at);
      degraded ||= pair.low !== undefined;
    }
    return { high, low: degraded ? low : high };
  };
}

async function makeSample(
  image: { readonly high: BytePixels; readonly low?: BytePixels },
  plan: SamplePlan,
  { size, canvas }: TrainingDataSettings,
  roundTripJpeg: JpegRoundTrip,
): Promise<{ high: Pixels; low?: Pixels }> {
  const high = cutSample(image.high, plan);
  if (image.low) {
    const { width, height } = image.high;
    const sameSize = image.low.width === width && image.low.height === height;
    const low = sameSize ? image.low : toBytePixels(resizePixels(image.low, { width, height }, 'bilinear'));
    return { high: resizeSquare(high, size), low: resizeSquare(cutSample(low, plan), size) };
  }
  if (!plan.degradation) return { high: resizeSquare(high, size) };
  const good = toBytePixels(resizeSquare(high, canvas));
  const low = await degrade(good, scaleDegradation(plan.degradation, canvas), roundTripJpeg);
  return { high: resizeSquare(good, size), low: resizeSquare(low, size) };
}

function cutSample(pixels: BytePixels, { crop, flip }: SamplePlan): BytePixels {
  const { width, height } = pixels;
  const side = Math.max(1, Math.round(crop.side * Math.min(width, height)));
  const window: PixelWindow = {
    left: Math.round(crop.left * (width - side)),
    top: Math.round(crop.top * (height - side)),
    width: side,
    height: side,
  };
  const square = width === side && height === side ? pixels : cutWindow(pixels, window);
  return flip ? flipColumns(square) : square;
}

function flipColumns(pixels: BytePixels): BytePixels {
  const { width, height, channels, data } = pixels;
  const flipped = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++)
    for (let x = width - 1; x >= 0; x--)
      for (let c = 0; c < channels; c++) flipped[to++] = data[(y * width + x) * channels + c]!;
  return { ...pixels, data: flipped };
}

/** Without rounding to bytes, unless the side is as it should be. */
function resizeSquare(pixels: BytePixels, side: number): Pixels {
  if (pixels.width === side) return pixels;
  const method = side < pixels.width ? 'area' : 'lanczos';
  return resizePixels(toFloatPixels(pixels), { width: side, height: side }, method);
}
