import { input } from '../../graph/ops.ts';
import { clipInput } from '../../models/clip/clip-input.ts';
import { drawNoise, perImage } from '../feeds.ts';
import { buildSampler } from '../sampler-graph.ts';
import type { StageGraph } from '../stage-graph.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from '../stage-networks.ts';
import type { StageConfig } from '../train-config.ts';
import {
  type BatchSize,
  contextOfImage,
  emptyContext,
  encodePhoto,
  latentShape,
  sharedContext,
} from './conditioning.ts';

/**
 * InterLCM: the degraded image is restored by the whole sampler, and image losses go back through it.
 * @see Li et al. 2025, arXiv:2502.02215, section 3
 */
export function interlcmStage(
  config: StageConfig<'interlcm'>,
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  size: BatchSize,
): StageGraph {
  const { steps, startStep, guidanceScale } = config;
  const shape = latentShape(configs, size);
  const imageShape = [size.batch, 3, size.size, size.size];
  const low = input('low', imageShape);
  const high = input('high', imageShape);
  const seesPhoto = config.visualEncoder && config.condition === 'low';
  const context = seesPhoto
    ? contextOfImage(scopes, configs, size.batch)
    : config.condition === 'low'
      ? emptyContext(configs, size.batch)
      : sharedContext(configs, size.batch);
  const encoded = encodePhoto(scopes, configs, low, input('fidelity', [size.batch, 1, 1, 1]));
  const restored = buildSampler(
    scopes,
    configs,
    { context, image: low, ...encoded },
    { steps, startStep, guidanceScale },
  );
  return {
    terms: {},
    images: { restored, truth: high },
    preview: { input: low, restored, truth: high },
    feeds({ whole, ...images }, streams, purpose) {
      const noises = Array.from({ length: steps - startStep + 1 }, (_, k) => [
        `noise${k}`,
        drawNoise(streams, shape),
      ]);
      const [least, most] = config.fidelityRange ?? [config.fidelity, config.fidelity];
      const fidelities = streams.map((stream) =>
        purpose === 'training' ? stream.uniformBetween(least, most) : config.fidelity,
      );
      return {
        ...images,
        ...Object.fromEntries(noises),
        fidelity: perImage(fidelities),
        ...(seesPhoto && {
          clip_input: clipInput(whole ?? images.low, requireConfig(configs, 'clip').image_size),
        }),
      };
    },
  };
}
