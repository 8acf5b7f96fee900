/** The metrics that papers on face restoration report, each by the name of one exact way to compute it. */

export interface MetricInfo {
  readonly label: string;
  readonly digits: number;
  readonly better: 'higher' | 'lower';
  /** Whether it compares each picture with the true one. */
  readonly needsTruth: boolean;
  /** The weights that it needs, by name. */
  readonly weights: readonly MetricWeight[];
}

/** Files that metrics need. */
export const metricWeightNames = [
  'inception',
  'ffhq',
  'lpips-alex',
  'alexnet',
  'lpips-vgg',
  'vgg16',
  'musiq',
  'arcface',
  'dreamsim',
  'dreamsim-dino',
] as const;
export type MetricWeight = (typeof metricWeightNames)[number];

const paired = (
  label: string,
  digits: number,
  better: MetricInfo['better'],
  ...weights: MetricWeight[]
): MetricInfo => ({ label, digits, better, needsTruth: true, weights });

export const metricTable = {
  /** RGB, as BasicSR. */
  psnr: paired('PSNR', 2, 'higher'),
  'psnr-y': paired('PSNR, luma', 2, 'higher'),
  /** After each channel was given the truth's mean and deviation: VQFR's script. */
  'psnr-vqfr': paired('PSNR, colours matched', 2, 'higher'),
  ssim: paired('SSIM', 4, 'higher'),
  'ssim-y': paired('SSIM, luma', 4, 'higher'),
  'ssim-vqfr': paired('SSIM, colours matched', 4, 'higher'),
  lpips: paired('LPIPS', 4, 'lower', 'lpips-alex', 'alexnet'),
  'lpips-vgg': paired('LPIPS, VGG', 4, 'lower', 'lpips-vgg', 'vgg16'),
  /** Degrees; pairs under one degree are left out of the mean, as VQFR's script does. */
  ids: paired('IDS', 2, 'lower', 'arcface'),
  'ids-all': paired('IDS, all pairs', 2, 'lower', 'arcface'),
  dreamsim: paired('DreamSim', 4, 'lower', 'dreamsim'),
  'dreamsim-dino': paired('DreamSim, DINO', 4, 'lower', 'dreamsim-dino'),
  musiq: { label: 'MUSIQ', digits: 2, better: 'higher', needsTruth: false, weights: ['musiq'] },
  /** Against given statistics or pictures: FFHQ's unless others are given. */
  fid: { label: 'FID', digits: 2, better: 'lower', needsTruth: false, weights: ['inception'] },
  'fid-truth': paired('FID to the truth', 2, 'lower', 'inception'),
} as const satisfies Record<string, MetricInfo>;
export type MetricName = keyof typeof metricTable;

export const metricNames = Object.keys(metricTable) as MetricName[];

/** What a metric is, and what it needs. */
export function metricInfo(name: MetricName): MetricInfo {
  return metricTable[name];
}

const arrow = { higher: '↑', lower: '↓' } as const;

/** Of a metric's column: its label, and which way is better. */
export function metricHeading(name: MetricName): string {
  const { label, better } = metricInfo(name);
  return `${label} ${arrow[better]}`;
}

/** Pairs of fewer degrees are taken for one picture twice, and left out of `ids`. */
const leastDegrees = 1;

/** The scores that a metric's mean is taken over. */
export function scoresThatCount(metric: MetricName, scores: readonly number[]): number[] {
  return metric === 'ids' ? scores.filter((degrees) => degrees >= leastDegrees) : [...scores];
}
