/** Metrics by name: what measures each, loaded from the weights that are there. */
import {
  arcfaceMeasure,
  inceptionMeasure,
  lpipsMeasure,
  musiqMeasure,
} from '../../../measure/network-measures.ts';
import type { MetricPicture, PictureMeasure } from '../../../measure/picture-measure.ts';
import { type MetricName, type MetricWeight, metricInfo } from '../../../metrics/metric-table.ts';
import { matchMoments } from '../../../metrics/moment-match.ts';
import { psnr } from '../../../metrics/psnr.ts';
import { ssim } from '../../../metrics/ssim.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { findDreamsimFiles, loadDreamsim } from '../model/dreamsim-files.ts';
import { describeMissing, fingerprint, type UsedWeights, type WeightFiles } from '../model/metric-weights.ts';
import { loadPerceptualNetwork } from '../model/perceptual-files.ts';
import { withStoredNetworks } from '../model/stored-network-files.ts';

export interface LoadedMetrics {
  /** One measure may serve several metrics. */
  readonly measures: ReadonlyMap<MetricName, PictureMeasure>;
  readonly used: readonly UsedWeights[];
  /** Metrics that cannot be measured, and what they lack. */
  readonly missing: ReadonlyMap<MetricName, string>;
  release(): Promise<void>;
}

/** @throws {CheckpointError} if a file is damaged or of another network */
export async function loadMeasures(
  names: readonly MetricName[],
  files: WeightFiles,
  runtime: Runtime,
): Promise<LoadedMetrics> {
  const shared = new Map<string, PictureMeasure>();
  const measures = new Map<MetricName, PictureMeasure>();
  const missing = new Map<MetricName, string>();
  const used = new Map<string, UsedWeights>();
  const release = async (): Promise<void> => {
    for (const measure of shared.values()) await measure.release();
  };
  try {
    for (const name of names) {
      const { weights } = metricInfo(name);
      const lacking = weights.filter((weight) => !files.has(weight));
      if (lacking.length > 0) {
        missing.set(name, lacking.map(describeMissing).join(', '));
        continue;
      }
      const key = weights[0] ?? name;
      let measure = shared.get(key);
      if (!measure) {
        const of = (weight: MetricWeight): string => files.get(weight)!;
        const { measure: loaded, fromFiles } = await loadMeasure(name, of, runtime);
        measure = loaded;
        shared.set(key, measure);
        for (const file of fromFiles) if (!used.has(file)) used.set(file, await fingerprint(file));
      }
      measures.set(name, measure);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { measures, used: [...used.values()], missing, release };
}

interface Loaded {
  readonly measure: PictureMeasure;
  readonly fromFiles: readonly string[];
}

async function loadMeasure(
  name: MetricName,
  of: (weight: MetricWeight) => string,
  runtime: Runtime,
): Promise<Loaded> {
  const one = async (
    weight: MetricWeight,
    load: typeof inceptionMeasure | typeof arcfaceMeasure,
  ): Promise<Loaded> => {
    const file = of(weight);
    return {
      measure: await withStoredNetworks([file], ([stored]) => load(runtime, stored!)),
      fromFiles: [file],
    };
  };
  const lpips = async (trunk: 'alex' | 'vgg'): Promise<Loaded> => {
    const [linear, vgg] = [of(`lpips-${trunk}`), of(trunk === 'alex' ? 'alexnet' : 'vgg16')];
    const network = await loadPerceptualNetwork({ kind: 'lpips', vgg, linear, trunk });
    return { measure: lpipsMeasure(runtime, network), fromFiles: [linear, vgg] };
  };
  const dreamsim = async (
    folder: string,
    names: Parameters<typeof findDreamsimFiles>[1],
  ): Promise<Loaded> => {
    const found = await findDreamsimFiles(folder, names);
    const fromFiles = found.branches.flatMap(({ base, adapter }) => [base, adapter]);
    return { measure: await loadDreamsim(runtime, found), fromFiles };
  };
  switch (name) {
    case 'psnr':
      return plain(({ pixels }, truth) => psnr(pixels, truth.pixels));
    case 'psnr-y':
      return plain(({ pixels }, truth) => psnr(pixels, truth.pixels, { luma: true }));
    case 'psnr-vqfr':
      return plain(({ pixels }, truth) => psnr(matchMoments(pixels, truth.pixels), truth.pixels));
    case 'ssim':
      return plain(({ pixels }, truth) => ssim(pixels, truth.pixels));
    case 'ssim-y':
      return plain(({ pixels }, truth) => ssim(pixels, truth.pixels, { luma: true }));
    case 'ssim-vqfr':
      return plain(({ pixels }, truth) => ssim(matchMoments(pixels, truth.pixels), truth.pixels));
    case 'lpips':
      return lpips('alex');
    case 'lpips-vgg':
      return lpips('vgg');
    case 'ids':
    case 'ids-all':
      return one('arcface', arcfaceMeasure);
    case 'musiq':
      return one('musiq', musiqMeasure);
    case 'fid':
    case 'fid-truth':
      return one('inception', inceptionMeasure);
    case 'dreamsim':
      return dreamsim(of('dreamsim'), ['dino_vitb16', 'clip_vitb16', 'open_clip_vitb16']);
    case 'dreamsim-dino':
      return dreamsim(of('dreamsim-dino'), ['dino_vitb16']);
  }
}

/** A metric without weights, of pictures that are compared. */
function plain(score: (picture: MetricPicture, truth: MetricPicture) => number): Loaded {
  return {
    measure: {
      measure: async (picture, truth) => score(picture, truth!),
      release: async () => {},
    },
    fromFiles: [],
  };
}
