/** Colour fixes: give a restored image the colours of its low-quality input. */
import { formatShape, type HostTensor, hostTensor, sameShape } from '../tensor/host-tensor.ts';

export type ColorFix = 'wavelet' | 'adain' | 'none';

/**
 * @param image [B, 3, H, W], restored
 * @param reference [B, 3, H, W], its input
 * @returns [B, 3, H, W]
 */
export function fixColor(image: HostTensor, reference: HostTensor, method: ColorFix): HostTensor {
  if (!sameShape(image.shape, reference.shape))
    throw new RangeError(
      `Cannot fix the colours of ${formatShape(image.shape)} by ${formatShape(reference.shape)}: shapes differ`,
    );
  if (method === 'none') return image;
  return (method === 'wavelet' ? fixByWavelet : fixByStatistics)(image, reference);
}

const waveletLevels = 5;

/**
 * High frequencies of the image, low frequencies of the reference, over five levels of the à-trous wavelet
 * transform with the kernel [1 2 1]ᵀ[1 2 1]/16. The levels' high parts add up to x − low(x).
 */
function fixByWavelet(image: HostTensor, reference: HostTensor): HostTensor {
  const imageLow = lowFrequencies(image);
  const referenceLow = lowFrequencies(reference);
  const data = image.data.map((x, i) => x - imageLow[i]! + referenceLow[i]!);
  return hostTensor(image.shape, data);
}

function lowFrequencies({ shape, data }: HostTensor): Float32Array {
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const low = data.slice();
  const rows = new Float32Array(height * width);
  for (let plane = 0; plane < batch * channels; plane++) {
    const values = low.subarray(plane * height * width, (plane + 1) * height * width);
    for (let level = 0; level < waveletLevels; level++) blurDilated(values, rows, height, width, 2 ** level);
  }
  return low;
}

/** Blurs in place with [1 2 1]/4 along both axes, taps `distance` apart, the border repeated. */
function blurDilated(
  values: Float32Array,
  rows: Float32Array,
  height: number,
  width: number,
  distance: number,
): void {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const row = y * width;
      const left = values[row + Math.max(x - distance, 0)]!;
      const right = values[row + Math.min(x + distance, width - 1)]!;
      rows[row + x] = (left + 2 * values[row + x]! + right) / 4;
    }
  for (let y = 0; y < height; y++) {
    const up = Math.max(y - distance, 0) * width;
    const down = Math.min(y + distance, height - 1) * width;
    for (let x = 0; x < width; x++)
      values[y * width + x] = (rows[up + x]! + 2 * rows[y * width + x]! + rows[down + x]!) / 4;
  }
}

const epsilon = 1e-5;

/** Adaptive instance normalisation: each channel gets the reference's mean and deviation (unbiased variance + 1e-5). */
function fixByStatistics(image: HostTensor, reference: HostTensor): HostTensor {
  const [batch, channels, height, width] = image.shape as [number, number, number, number];
  const size = height * width;
  const output = hostTensor(image.shape);
  for (let plane = 0; plane < batch * channels; plane++) {
    const from = statistics(image.data.subarray(plane * size, (plane + 1) * size));
    const to = statistics(reference.data.subarray(plane * size, (plane + 1) * size));
    for (let i = plane * size; i < (plane + 1) * size; i++)
      output.data[i] = ((image.data[i]! - from.mean) / from.deviation) * to.deviation + to.mean;
  }
  return output;
}

function statistics(values: Float32Array): { mean: number; deviation: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / (values.length - 1) + epsilon) };
}
