import { because } from '../../failure/failure.ts';
import type { UNetConfig } from '../../models/unet/unet-config.ts';
import type { StageGraph } from '../stage-graph.ts';
import type { NetworkConfigs, NetworkScopes } from '../stage-networks.ts';
import type { TrainConfig } from '../train-config.ts';
import { autoencoderStage } from './autoencoder.ts';
import type { BatchSize } from './conditioning.ts';
import { consistencyStage } from './consistency.ts';
import { diffusionStage } from './diffusion.ts';
import { interlcmStage } from './interlcm.ts';

export interface StageNetworks {
  readonly configs: NetworkConfigs;
  /** The UNet that a distillation starts from, as it is without the run's own settings. */
  readonly teacher?: UNetConfig | undefined;
}

/**
 * The graph of the stage that a config names.
 * @throws {TypeError} if a network that the stage needs has no config
 */
export function buildStage(
  config: TrainConfig,
  scopes: NetworkScopes,
  { configs, teacher }: StageNetworks,
  size: BatchSize,
): StageGraph {
  switch (config.stage) {
    case 'autoencoder':
      return autoencoderStage(config, scopes, configs, size);
    case 'diffusion':
      return diffusionStage(config, scopes, configs, size);
    case 'consistency':
      if (!teacher)
        throw because(new TypeError('Cannot distil: there is no teacher'), {
          code: 'network-missing',
          network: 'unet',
          use: 'teacher',
        });
      return consistencyStage(config, scopes, configs, teacher, size);
    case 'interlcm':
      return interlcmStage(config, scopes, configs, size);
  }
}
