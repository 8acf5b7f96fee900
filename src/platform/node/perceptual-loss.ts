import type { PerceptualSettings } from '../../train/config.ts';
import type { ImageDistance } from '../../train/trainer.ts';

export async function openPerceptualLoss(settings: PerceptualSettings): Promise<ImageDistance> {
  throw new Error(`Cannot compare images by ${settings.kind}`);
}
