/** An evaluation as a table for people. */

import { type Evaluation, type ImageScores, quantile } from '../../metrics/evaluation.ts';
import { alignCells } from '../terminal/table.ts';

interface Row {
  readonly label: string;
  readonly digits: number;
  readonly values: readonly number[];
  readonly mean: number;
  readonly input?: number;
}

const shares = [0.05, 0.25, 0.5, 0.75, 0.95];

/** Means and quantiles of each metric, and the means of the input where it was measured. */
export function formatEvaluation(evaluation: Evaluation): string {
  const { mean, input, images } = evaluation;
  const row = (
    key: 'psnr' | 'ssim' | 'sharpness' | 'identity' | 'lpips' | 'ms',
    label: string,
    digits: number,
    scale = 1,
  ): Row[] => {
    const average = mean[key];
    if (average === undefined) return [];
    const values = images.map((image: ImageScores) => image[key]! * scale);
    return [{ label, digits, values, mean: average * scale, input: key === 'ms' ? undefined : input?.[key] }];
  };
  const rows = [
    ...row('psnr', 'PSNR, dB', 2),
    ...row('ssim', 'SSIM', 4),
    ...row('sharpness', 'sharpness', 3),
    ...row('identity', 'identity, degrees', 2),
    ...row('lpips', 'LPIPS', 4),
    ...row('ms', 'seconds a face', 2, 1e-3),
  ];
  const header = [
    '',
    'mean',
    ...shares.map((share) => `${100 * share} %`),
    ...(input ? ['input, mean'] : []),
  ];
  const cells = rows.map(({ label, digits, values, mean: average, input: before }) => [
    label,
    average.toFixed(digits),
    ...shares.map((share) => quantile(values, share).toFixed(digits)),
    ...(input ? [before?.toFixed(digits) ?? ''] : []),
  ]);
  if (evaluation.frechet !== undefined)
    cells.push([
      `Fréchet, ${evaluation.features}`,
      evaluation.frechet.toFixed(2),
      ...shares.map(() => ''),
      ...(input ? [input.frechet?.toFixed(2) ?? ''] : []),
    ]);
  const { count } = evaluation;
  return `${count} ${count === 1 ? 'face' : 'faces'}\n${alignCells([header, ...cells])}`;
}
