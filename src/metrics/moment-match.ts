/** Colours moved to another picture's: what VQFR's script does to every restored picture before it is compared. */
import { type FloatPixels, type Pixels, toFloatPixels } from '../image/pixels.ts';

/**
 * Each channel of `picture` scaled and shifted to the mean and deviation of the same channel of `reference`.
 * @returns floats, nominally 0..255
 * @throws {RangeError} if the pictures have different channels
 */
export function matchMoments(picture: Pixels, reference: Pixels): FloatPixels {
  const { channels } = picture;
  if (channels !== reference.channels)
    throw new RangeError(
      `Cannot match the colours of ${channels} channels with those of ${reference.channels}`,
    );
  const data = Float32Array.from(toFloatPixels(picture).data);
  for (let channel = 0; channel < channels; channel++) {
    const own = moments(data, channel, channels);
    const other = moments(toFloatPixels(reference).data, channel, channels);
    const scale = own.deviation === 0 ? 0 : other.deviation / own.deviation;
    for (let i = channel; i < data.length; i += channels)
      data[i] = (data[i]! - own.mean) * scale + other.mean;
  }
  return { ...picture, data };
}

/** Mean and biased deviation of every `step`-th value. */
function moments(data: Float32Array, from: number, step: number): { mean: number; deviation: number } {
  let sum = 0;
  let count = 0;
  for (let i = from; i < data.length; i += step, count++) sum += data[i]!;
  const mean = sum / count;
  let squares = 0;
  for (let i = from; i < data.length; i += step) squares += (data[i]! - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / count) };
}
