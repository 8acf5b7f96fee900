/** Gives a restored image the colours of its low-quality input. */

import { formatShape, type HostTensor, hostTensor, sameShape } from '../tensor/host-tensor.ts';

const WAVELET_LEVELS = 5;

/**
 * Wavelet colour fix: the fine detail of `content` over the coarse colour of `style`. Low is five blurs with
 * [1 2 1]ᵀ[1 2 1]/16 spread by 1, 2, 4, 8, 16 pixels, the edge replicated; the result is
 * (content - low(content)) + low(style). Blurring is linear, so that is content + low(style - content).
 * @param content [B, C, H, W], the restored image
 * @param style [B, C, H, W], the low-quality input
 * @returns [B, C, H, W]
 * @throws {RangeError} if the shapes differ or are not of four axes
 */
export function waveletColorFix(content: HostTensor, style: HostTensor): HostTensor {
  const [height, width] = checkShapes(content, style);
  const area = height * width;
  const result = hostTensor(content.shape, content.data.slice());
  const plane = new Float32Array(area);
  const scratch = new Float32Array(area);
  for (let start = 0; start < content.data.length; start += area) {
    for (let i = 0; i < area; i++) plane[i] = style.data[start + i]! - content.data[start + i]!;
    for (let level = 0; level < WAVELET_LEVELS; level++) blur(plane, scratch, height, width, 2 ** level);
    for (let i = 0; i < area; i++) result.data[start + i]! += plane[i]!;
  }
  return result;
}

/** [1 2 1]/4 along both axes of a plane with the outer taps `reach` pixels away; the edge is replicated. */
function blur(
  plane: Float32Array,
  scratch: Float32Array,
  height: number,
  width: number,
  reach: number,
): void {
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const left = plane[row + Math.max(0, x - reach)]!;
      const right = plane[row + Math.min(width - 1, x + reach)]!;
      scratch[row + x] = (left + 2 * plane[row + x]! + right) / 4;
    }
  }
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const above = Math.max(0, y - reach) * width;
    const below = Math.min(height - 1, y + reach) * width;
    for (let x = 0; x < width; x++)
      plane[row + x] = (scratch[above + x]! + 2 * scratch[row + x]! + scratch[below + x]!) / 4;
  }
}

/**
 * AdaIN colour fix: each channel of each image of `content` takes the mean and the standard deviation of the
 * same channel of `style` (unbiased variance, plus 1e-5).
 * @param content [B, C, H, W], the restored image
 * @param style [B, C, H, W], the low-quality input
 * @returns [B, C, H, W]
 * @throws {RangeError} if the shapes differ or are not of four axes
 */
export function adainColorFix(content: HostTensor, style: HostTensor): HostTensor {
  const [height, width] = checkShapes(content, style);
  const area = height * width;
  const result = hostTensor(content.shape);
  for (let start = 0; start < content.data.length; start += area) {
    const plane = content.data.subarray(start, start + area);
    const from = meanAndDeviation(plane);
    const to = meanAndDeviation(style.data.subarray(start, start + area));
    const gain = to.deviation / from.deviation;
    for (let i = 0; i < area; i++) result.data[start + i] = (plane[i]! - from.mean) * gain + to.mean;
  }
  return result;
}

function meanAndDeviation(plane: Float32Array): { mean: number; deviation: number } {
  let sum = 0;
  for (const value of plane) sum += value;
  const mean = sum / plane.length;
  let squares = 0;
  for (const value of plane) squares += (value - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / (plane.length - 1) + 1e-5) };
}

function checkShapes(content: HostTensor, style: HostTensor): [height: number, width: number] {
  if (content.shape.length !== 4 || !sameShape(content.shape, style.shape))
    throw new RangeError(
      `Cannot give an image of shape ${formatShape(content.shape)} the colours of one of ${formatShape(style.shape)}: expected two of the same [B, C, H, W]`,
    );
  return [content.shape[2]!, content.shape[3]!];
}

/** How the colours of the result are tied to those of the input. */
export const colorFixes = ['wavelet', 'adain', 'none'] as const;
export type ColorFix = (typeof colorFixes)[number];

/** `image` with the colours of `reference`, both [B, C, H, W], by the method of that name. */
export function fixColor(image: HostTensor, reference: HostTensor, method: ColorFix): HostTensor {
  if (method === 'none') return image;
  return (method === 'wavelet' ? waveletColorFix : adainColorFix)(image, reference);
}
