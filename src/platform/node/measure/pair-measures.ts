/** What tells two states of an image apart: who is seen, its structure, its colours. */
import type { BytePixels } from '../../../image/pixels.ts';
import {
  colorHistograms,
  type HistogramDistance,
  type HistogramKind,
  histogramDistance,
} from '../../../metrics/color-histogram.ts';
import { descriptorAngle } from '../../../metrics/descriptor-angle.ts';
import { ssim } from '../../../metrics/ssim.ts';
import { openCvGray } from '../../../models/arcface/arcface-input.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { loadFeatureNetwork } from '../model/load-feature-network.ts';
import { describeMissing, findMetricWeights } from '../model/metric-weights.ts';
import { loadMeasures } from './load-measures.ts';

/** A measure of two pictures of one size. */
export interface PairMeasure {
  readonly name: string;
  /** For tables and charts, with the unit and what is better. */
  readonly label: string;
  readonly digits: number;
  compare(a: BytePixels, b: BytePixels): Promise<number>;
  release(): Promise<void>;
}

export interface PairMeasureSettings {
  /** What counts for who is seen; `auto`: DreamSim where its weights are, else faceres. */
  readonly identity: IdentityMeasure | 'auto';
  readonly histogram: HistogramKind;
  readonly distance: HistogramDistance;
  /** Folders that hold the weights of metrics. */
  readonly weightFolders: readonly string[];
}
export const identityMeasures = ['dreamsim', 'dreamsim-dino', 'faceres', 'face-api'] as const;
export type IdentityMeasure = (typeof identityMeasures)[number];

/**
 * Identity, structure and colour, as InterLCM's figure 1 has them.
 * @param onNote told what stands in for what is missing
 * @throws {Error} if the weights of a measure that was named are missing
 */
export async function loadPairMeasures(
  { identity, histogram, distance, weightFolders }: PairMeasureSettings,
  runtime: Runtime,
  onNote: (text: string) => void,
): Promise<PairMeasure[]> {
  const release = async (): Promise<void> => {};
  return [
    await loadIdentity(identity, weightFolders, runtime, onNote),
    { name: 'ssim', label: 'SSIM (structure) ↑', digits: 4, compare: async (a, b) => ssim(a, b), release },
    {
      name: 'histogram',
      label: `histogram ${distance}, ${histogram} (colour)${distance === 'intersection' || distance === 'correlation' ? ' ↑' : ' ↓'}`,
      digits: 4,
      compare: async (a, b) =>
        histogramDistance(colorHistograms(a, histogram), colorHistograms(b, histogram), distance),
      release,
    },
  ];
}

async function loadIdentity(
  wanted: IdentityMeasure | 'auto',
  folders: readonly string[],
  runtime: Runtime,
  onNote: (text: string) => void,
): Promise<PairMeasure> {
  const name = wanted === 'auto' ? 'dreamsim' : wanted;
  if (name === 'faceres' || name === 'face-api') return loadDescriptorAngle(name, runtime);
  const files = await findMetricWeights([name], folders, new Map());
  if (files.size === 0) {
    const lacks = `it needs ${describeMissing(name)}`;
    if (wanted !== 'auto') throw new Error(`Cannot measure ${name}: ${lacks}`);
    onNote(`DreamSim is not measured: ${lacks}; identity is told by faceres' descriptors instead`);
    return loadDescriptorAngle('faceres', runtime);
  }
  const { measures, release } = await loadMeasures([name], files, runtime);
  const measure = measures.get(name)!;
  const asMetric = (pixels: BytePixels) => ({ pixels, gray: async () => openCvGray(pixels) });
  return {
    name,
    label: `${name === 'dreamsim' ? 'DreamSim' : 'DreamSim, DINO'} distance (identity) ↓`,
    digits: 4,
    compare: async (a, b) => (await measure.measure(asMetric(a), asMetric(b))) as number,
    release,
  };
}

async function loadDescriptorAngle(name: 'faceres' | 'face-api', runtime: Runtime): Promise<PairMeasure> {
  const network = await loadFeatureNetwork({ name }, runtime);
  return {
    name,
    label: `${name} angle, degrees (identity) ↓`,
    digits: 2,
    compare: async (a, b) =>
      descriptorAngle((await network.describe(a)).slice(), (await network.describe(b)).slice()),
    release: () => network.release(),
  };
}
