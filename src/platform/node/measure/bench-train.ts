/** Measures iterations of InterLCM training, part by part, against the machine's own matrix products. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensorToPixels } from '../../../image/pixel-tensor.ts';
import { buildLpips } from '../../../models/lpips/lpips.ts';
import type { PerceptualNetwork } from '../../../models/perceptual/perceptual-network.ts';
import { vggWidths } from '../../../models/vgg/vgg.ts';
import { parameterScope } from '../../../nn/parameter-scope.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { parseTrainConfig } from '../../../train/train-config.ts';
import { createTrainer } from '../../../train/trainer.ts';
import {
  type FormulaSpec,
  formulaImage,
  formulaWeight,
  microSpec,
  sd15Spec,
} from '../../../verify/formula.ts';
import { writeFileAtomically } from '../files/atomic-write.ts';
import { formulaFolder, makeFormulaCheckpoint } from '../model/formula-checkpoint.ts';
import { encodeImage } from '../picture/encode-image.ts';
import { openTrainingData } from '../train/open-training-data.ts';
import { openStartNetworks } from '../train/start-networks.ts';
import { measurePeak } from './bench.ts';

/** Sizes of a model that trains at 128 pixels on two cores. */
const smallSpec: FormulaSpec = {
  image_size: 128,
  batch: 1,
  num_inference_steps: 4,
  unet: {
    in_channels: 8,
    out_channels: 8,
    block_out_channels: [64, 96, 128, 128],
    layers_per_block: 1,
    attention_head_dim: 4,
    norm_num_groups: 8,
    cross_attention_dim: 768,
  },
  conditioning_embedding_out_channels: [16, 24, 32, 64],
  vae: {
    block_out_channels: [32, 48, 64, 96],
    layers_per_block: 1,
    latent_channels: 8,
    norm_num_groups: 8,
  },
  clip: { image_size: 64, patch_size: 8, hidden_size: 768, num_hidden_layers: 1, num_attention_heads: 12 },
  visual_encoder: { nf: 16 },
};

interface Setup {
  readonly spec: FormulaSpec;
  readonly batch: number;
  readonly iterations: number;
  /** VGG16's widths are divided by this. */
  readonly vggDivisor: number;
  readonly ndf: number;
  readonly activationMiB?: number;
}

const trainBenchSizes = {
  tiny: { spec: microSpec, batch: 2, iterations: 3, vggDivisor: 8, ndf: 8 },
  small: { spec: smallSpec, batch: 8, iterations: 3, vggDivisor: 4, ndf: 16 },
  sd15: { spec: sd15Spec, batch: 1, iterations: 1, vggDivisor: 1, ndf: 64, activationMiB: 2048 },
} as const satisfies Record<string, Setup>;
export type TrainBenchSize = keyof typeof trainBenchSizes;

export interface PartTiming {
  /** `forward`, `backward` or `update`. */
  readonly phase: string;
  /** Networks whose weights the part reads. */
  readonly networks: string;
  readonly ms: number;
  readonly gflop: number;
}

export interface TrainBenchResult {
  readonly size: TrainBenchSize;
  readonly device: string;
  readonly batch: number;
  readonly trainedParameters: number;
  readonly peakGflops: number;
  /** One iteration, with everything: data, losses, both optimisers. */
  readonly iterationMs: number;
  /** Waiting for images, which worker threads make ahead. */
  readonly dataMs: number;
  readonly imagesPerSecond: number;
  readonly peakRssBytes: number;
  /** Of one iteration. */
  readonly parts: readonly PartTiming[];
}

/** Runs one iteration to load everything, and times the next; of the published size the first one counts. */
export async function benchTraining(
  size: TrainBenchSize,
  runtime: Runtime,
  onProgress: (message: string) => void = () => {},
): Promise<TrainBenchResult> {
  const setup: Setup = trainBenchSizes[size];
  const { spec, batch, iterations } = setup;
  const peakGflops = await measurePeak(runtime);
  const checkpoint = await formulaFolder(spec);
  await makeFormulaCheckpoint(spec, checkpoint, onProgress);
  const config = trainConfig(setup);
  const folder = await mkdtemp(path.join(tmpdir(), 'interlcm-bench-'));
  const start = await openStartNetworks(config, checkpoint, { runtime });
  const parts: PartTiming[] = [];
  try {
    await writeImages(folder, 4);
    onProgress('building the graph');
    const trainer = await createTrainer({
      config,
      runtime,
      networks: start.networks,
      startWeight: start.startWeight,
      bindFrozen: start.bindFrozen,
      comparing: { perceptual: formulaLpips(setup.vggDivisor) },
      onPart: ({ direction, networks, flops, model }, ms) => {
        onProgress(`${model.name} (${networks.join(' ')}): ${(ms / 1e3).toFixed(2)} s`);
        parts.push({ phase: direction, networks: networks.join(' '), ms, gflop: flops / 1e9 });
      },
      onUpdate: (ms) => parts.push({ phase: 'update', networks: '', ms, gflop: 0 }),
    });
    const data = await openTrainingData({ folder }, { ...config.data, seed: config.seed });
    try {
      const warmUp = iterations > 1 ? 1 : 0;
      let dataMs = 0;
      let totalMs = 0;
      for (let iteration = 1; iteration <= warmUp + iterations; iteration++) {
        const begin = performance.now();
        const images = await data.batch(iteration);
        const waited = performance.now() - begin;
        await trainer.step(iteration, images);
        if (iteration <= warmUp) parts.length = 0;
        else {
          dataMs += waited;
          totalMs += performance.now() - begin;
        }
      }
      const iterationMs = totalMs / iterations;
      const elements = Object.values(trainer.parameters).map((tensor) => tensor.data.length);
      return {
        size,
        device: `${runtime.device}: ${runtime.reason}`,
        batch,
        trainedParameters: elements.reduce((sum, count) => sum + count, 0),
        peakGflops,
        iterationMs,
        dataMs: dataMs / iterations,
        imagesPerSecond: (1e3 * batch) / iterationMs,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
        parts: averageParts(parts, iterations),
      };
    } finally {
      await data.close();
      await trainer.release();
    }
  } finally {
    await start.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** All losses from the first iteration on. */
function trainConfig({ spec, batch, ndf, activationMiB }: Setup) {
  const optimizer = { learningRate: 5e-5, betas: [0.9, 0.99] };
  const json = {
    stage: 'interlcm',
    iterations: 1,
    train: ['visualEncoder', 'spatialEncoder'],
    data: { size: spec.image_size, canvas: spec.image_size, batch },
    optimizer,
    averageDecay: 0.997,
    losses: {
      l1: { weight: 1 },
      perceptual: { kind: 'lpips', weight: 1, vgg: '', linear: '', doubleNormalisation: true },
      adversarial: { weight: 0.1, ndf, n_layers: 4, optimizer },
    },
    ...(activationMiB !== undefined && { activationMiB }),
  };
  return parseTrainConfig(json, 'the benchmark');
}

function formulaLpips(divisor: number): PerceptualNetwork {
  const networks = { trunk: parameterScope('vgg'), linear: parameterScope('lpips') };
  const widths = vggWidths.map((width) => width / divisor);
  return {
    name: 'LPIPS of formula weights',
    distance: (a, b) => buildLpips(networks, a, b, { widths, doubleNormalisation: true }),
    bind: (name, shape) => ({ kind: 'inline', data: formulaWeight(name, shape) }),
    owns: (name) => /^(vgg|lpips)\//.test(name),
  };
}

async function writeImages(folder: string, count: number): Promise<void> {
  const image = formulaImage(1, 512);
  const png = await encodeImage(tensorToPixels(image), 'png');
  for (let i = 0; i < count; i++) await writeFileAtomically(path.join(folder, `${i}.png`), png);
}

/** The k-th parts of all iterations are one. */
function averageParts(parts: readonly PartTiming[], iterations: number): PartTiming[] {
  const count = parts.length / iterations;
  return parts.slice(0, count).map((part, i) => {
    const same = parts.filter((_, k) => k % count === i);
    return { ...part, ms: same.reduce((sum, { ms }) => sum + ms, 0) / iterations };
  });
}
