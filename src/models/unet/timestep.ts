import { sinusoid } from '../../diffusion/sinusoid.ts';
import type { UNetConfig } from './unet-config.ts';

/** The sinusoid of timestep t that the UNet and the spatial encoder take, [C₀]. */
export function timestepSinusoid(config: UNetConfig, t: number): Float32Array {
  return sinusoid(t, config.block_out_channels[0]!, {
    cosineFirst: config.flip_sin_to_cos,
    frequencyShift: config.freq_shift,
  });
}
