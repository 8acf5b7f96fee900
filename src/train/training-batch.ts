/** From images and a plan to a batch: flip, degrade, crop, resize. */

import { degrade, type JpegRoundTrip, scaleDegradation } from '../image/degradation.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import { type BytePixels, type Pixels, toBytePixels } from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { centerCrop, cropSquare, resizeSquare } from '../image/square-crop.ts';
import { layOverMargins, resamplePicture, varyPicture } from '../image/variation.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
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
  const { size, canvas } = settings;
  const batch = settings.share?.count ?? settings.batch;
  const squares = (side: number): HostTensor => hostTensor([batch, 3, side, side]);
  return async (iteration) => {
    const high = squares(size);
    let low = high;
    let whole: HostTensor | undefined;
    for (const [i, sample] of plan.batch(iteration).entries()) {
      const pair = await makeSample(await images.read(sample.image), sample, settings, roundTripJpeg);
      setImage(high, i, pair.high);
      if (!pair.low) continue;
      if (low === high) low = squares(size);
      setImage(low, i, pair.low.part);
      if (!settings.wholeContext) continue;
      whole ??= squares(canvas);
      setImage(whole, i, resizeSquare(pair.low.whole, canvas));
    }
    return { high, low, ...(whole && { whole }) };
  };
}

function setImage({ data }: HostTensor, i: number, pixels: Pixels): void {
  const image = pixelsToTensor(pixels).data;
  data.set(image, i * image.length);
}

interface Sample {
  readonly high: Pixels;
  readonly low?: { readonly part: Pixels; readonly whole: BytePixels };
}

async function makeSample(
  image: { readonly high: BytePixels; readonly low?: BytePixels },
  plan: SamplePlan,
  { size, canvas }: TrainingDataSettings,
  roundTripJpeg: JpegRoundTrip,
): Promise<Sample> {
  const whole = cropSquare(image.high, centerCrop, plan.flip);
  const cut = (square: BytePixels): Pixels => resizeSquare(cropSquare(square, plan.crop), size);
  const cutLow = (square: BytePixels) => ({ part: cut(square), whole: square });
  if (image.low) {
    const { width, height } = image.high;
    const sameSize = image.low.width === width && image.low.height === height;
    const low = sameSize ? image.low : toBytePixels(resizePixels(image.low, { width, height }, 'bilinear'));
    return { high: cut(whole), low: cutLow(cropSquare(low, centerCrop, plan.flip)) };
  }
  if (!plan.degradation) return { high: cut(whole) };
  // The whole face is degraded, so that a part of it looks as it does in a whole one.
  const { variation } = plan;
  const resized = toBytePixels(resizeSquare(whole, canvas));
  const good = variation ? varyPicture(resized, variation) : resized;
  const once = await degrade(good, scaleDegradation(plan.degradation, canvas), roundTripJpeg);
  const share = variation?.resampledShare ?? null;
  const resampled = share === null ? once : resamplePicture(once, share);
  const overlay = variation?.overlay;
  const laidOver = (picture: BytePixels): BytePixels =>
    overlay ? layOverMargins(picture, good, overlay) : picture;
  const quality = variation?.recompressionQuality ?? null;
  const low = laidOver(resampled);
  const compressed = quality === null ? low : toBytePixels(await roundTripJpeg(low, quality));
  return { high: cut(laidOver(good)), low: cutLow(compressed) };
}
