/** From images and a plan to a batch: flip, degrade, crop, resize. */

import { degrade, type JpegRoundTrip, scaleDegradation } from '../image/degradation.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import { type BytePixels, type Pixels, toBytePixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { centerCrop, cropSquare, resizeSquare } from '../image/square-crop.ts';
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
    let low = high;
    for (const [i, sample] of plan.batch(iteration).entries()) {
      const pair = await makeSample(await images.read(sample.image), sample, settings, roundTripJpeg);
      const at = i * 3 * size * size;
      high.data.set(pixelsToTensor(pair.high).data, at);
      if (!pair.low) continue;
      if (low === high) low = hostTensor(shape);
      low.data.set(pixelsToTensor(pair.low).data, at);
    }
    return { high, low };
  };
}

async function makeSample(
  image: { readonly high: BytePixels; readonly low?: BytePixels },
  plan: SamplePlan,
  { size, canvas }: TrainingDataSettings,
  roundTripJpeg: JpegRoundTrip,
): Promise<{ high: Pixels; low?: Pixels }> {
  const whole = cropSquare(image.high, centerCrop, plan.flip);
  const cut = (square: BytePixels): Pixels => resizeSquare(cropSquare(square, plan.crop), size);
  if (image.low) {
    const { width, height } = image.high;
    const sameSize = image.low.width === width && image.low.height === height;
    const low = sameSize ? image.low : toBytePixels(resizePixels(image.low, { width, height }, 'bilinear'));
    return { high: cut(whole), low: cut(cropSquare(low, centerCrop, plan.flip)) };
  }
  if (!plan.degradation) return { high: cut(whole) };
  // The whole face is degraded, so that a part of it looks as it does in a whole one.
  const good = toBytePixels(resizeSquare(whole, canvas));
  const low = await degrade(good, scaleDegradation(plan.degradation, canvas), roundTripJpeg);
  return { high: cut(good), low: cut(low) };
}
