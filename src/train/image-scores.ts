/** How close restored images come to the true ones, as the field measures it. */
import { tensorToPixels } from '../image/pixel-tensor.ts';
import { psnr } from '../metrics/psnr.ts';
import { ssim, ssimWindow } from '../metrics/ssim.ts';
import { batchItem, type HostTensor } from '../tensor/host-tensor.ts';

/**
 * Means over a batch of 8-bit images. PSNR is in dB, infinite where two are equal; images smaller than the window of
 * SSIM have none.
 * @param restored [B, 3, S, S] in [-1, 1]
 * @param truth the same
 */
export function imageScores(restored: HostTensor, truth: HostTensor): Record<string, number> {
  const pixels = (batch: HostTensor) =>
    Array.from({ length: batch.shape[0]! }, (_, i) => tensorToPixels(batchItem(batch, i)));
  const [ours, theirs] = [pixels(restored), pixels(truth)];
  const mean = (score: typeof psnr): number =>
    ours.reduce((sum, image, i) => sum + score(image, theirs[i]!), 0) / ours.length;
  const { width, height } = ours[0]!;
  return { psnr: mean(psnr), ...(Math.min(width, height) >= ssimWindow && { ssim: mean(ssim) }) };
}
