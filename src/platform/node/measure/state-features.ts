/** What states are described by, for distances of sets and for maps. */

import type { BytePixels } from '../../../image/pixels.ts';
import { inceptionMeasure } from '../../../measure/network-measures.ts';
import { openCvGray } from '../../../models/arcface/arcface-input.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { loadFeatureNetwork } from '../model/load-feature-network.ts';
import { describeMissing, findMetricWeights } from '../model/metric-weights.ts';
import { withStoredNetworks } from '../model/stored-network-files.ts';

/** `inception`: FID's. `latent`: the latent itself, averaged over squares. */
export const stateFeatures = ['inception', 'faceres', 'face-api', 'latent'] as const;
export type StateFeatures = (typeof stateFeatures)[number];

/** A state, decoded only where the features need it. */
interface DescribedState {
  readonly latent: HostTensor;
  readonly pixels: () => Promise<BytePixels>;
}
export type DescribeState = (state: DescribedState) => Promise<Float32Array>;

export interface LoadedFeatures {
  readonly name: StateFeatures;
  readonly describe: DescribeState;
  release(): Promise<void>;
}

/**
 * @param wanted `auto`: Inception where its weights are, else faceres
 * @param onNote told what stands in for what is missing
 * @throws {Error} if the weights that were named are missing
 */
export async function loadStateFeatures(
  wanted: StateFeatures | 'auto',
  weightFolders: readonly string[],
  runtime: Runtime,
  onNote: (text: string) => void,
): Promise<LoadedFeatures> {
  if (wanted === 'latent')
    return { name: wanted, describe: async ({ latent }) => pooled(latent), release: async () => {} };
  if (wanted === 'faceres' || wanted === 'face-api') return loadFaceFeatures(wanted, runtime);
  const file = (await findMetricWeights(['inception'], weightFolders, new Map())).get('inception');
  if (file === undefined) {
    const lacks = `it needs ${describeMissing('inception')}`;
    if (wanted !== 'auto') throw new Error(`Cannot describe states by inception: ${lacks}`);
    onNote(
      `Inception's features, which FID is taken over, are not there: ${lacks}; faceres' stand in for them`,
    );
    return loadFaceFeatures('faceres', runtime);
  }
  const measure = await withStoredNetworks([file], ([stored]) => inceptionMeasure(runtime, stored!));
  return {
    name: 'inception',
    async describe({ pixels: decode }) {
      const pixels = await decode();
      return (await measure.measure(
        { pixels, gray: async () => openCvGray(pixels) },
        undefined,
      )) as Float32Array;
    },
    release: () => measure.release(),
  };
}

async function loadFaceFeatures(name: 'faceres' | 'face-api', runtime: Runtime): Promise<LoadedFeatures> {
  const network = await loadFeatureNetwork({ name }, runtime);
  return {
    name,
    describe: async ({ pixels }) => (await network.describe(await pixels())).slice(),
    release: () => network.release(),
  };
}

/** Squares of a latent's side. */
const squares = 8;

/** Means of each channel over 8 × 8 squares. */
function pooled({ shape, data }: HostTensor): Float32Array {
  const [, channels, height, width] = shape as [number, number, number, number];
  const means = new Float32Array(channels * squares * squares);
  const share = (squares * squares) / (height * width);
  for (let i = 0; i < data.length; i++) {
    const x = Math.floor(((i % width) * squares) / width);
    const y = Math.floor(((Math.floor(i / width) % height) * squares) / height);
    means[Math.floor(i / (width * height)) * squares * squares + y * squares + x]! += data[i]! * share;
  }
  return means;
}
