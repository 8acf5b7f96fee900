/** From images and a plan to a batch: crop, flip, degrade, resize. */

import { degrade, type JpegRoundTrip, scaleDegradation } from '../image/degradation.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import { type BytePixels, type Pixels, toBytePixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { cropSquare, resizeSquare } from './square-crop.ts';
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
  const high = cropSquare(image.high, plan.crop, plan.flip);
  if (image.low) {
    const { width, height } = image.high;
    const sameSize = image.low.width === width && image.low.height === height;
    const low = sameSize ? image.low : toBytePixels(resizePixels(image.low, { width, height }, 'bilinear'));
    return { high: resizeSquare(high, size), low: resizeSquare(cropSquare(low, plan.crop, plan.flip), size) };
  }
  if (!plan.degradation) return { high: resizeSquare(high, size) };
  const good = toBytePixels(resizeSquare(high, canvas));
  const low = await degrade(good, scaleDegradation(plan.degradation, canvas), roundTripJpeg);
  return { high: resizeSquare(good, size), low: resizeSquare(low, size) };
}
