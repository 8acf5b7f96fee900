import { describe, expect, it } from 'vitest';
import {
  eulerAncestralStep,
  eulerConfigSchema,
  eulerDenoised,
  eulerSchedule,
  eulerStep,
  scaleToNetwork,
} from './euler-schedule.ts';

const config = eulerConfigSchema.parse({});
const floats = (...values: number[]) => Float32Array.from(values);

describe('the Euler schedule', () => {
  it('is the published one in four trailing steps', () => {
    const { timesteps, sigmas, initialScale } = eulerSchedule(config, 4);
    expect(timesteps).toEqual([999, 749, 499, 249]);
    const published = [14.61465, 4.08173, 1.61289, 0.69321, 0];
    for (const [i, sigma] of published.entries()) expect(sigmas[i]).toBeCloseTo(sigma, 4);
    expect(initialScale).toBe(sigmas[0]);
  });

  it('can lead', () => {
    const { timesteps, sigmas, initialScale } = eulerSchedule({ ...config, timestep_spacing: 'leading' }, 4);
    expect(timesteps).toEqual([751, 501, 251, 1]);
    expect(initialScale).toBeCloseTo(Math.hypot(sigmas[0]!, 1), 12);
  });

  it.each([0, 1001, 2.5])('refuses %d steps', (steps) => {
    expect(() => eulerSchedule(config, steps)).toThrow('1 to 1000 are possible');
  });
});

describe('Euler steps', () => {
  it('divide by the deviation that noise and signal have together', () => {
    expect(scaleToNetwork(floats(5, -10), 2 ** 0.5 * 2 ** 0.5 - 0.2679491924311228)[0]).toBeCloseTo(2.5, 6);
  });

  it('find the clean latent from the noise or the velocity', () => {
    // x = x0 + σ ε, with x0 = 3, ε = −1, σ = 2; v = (ε − σ x0)/√(σ² + 1)
    const noisy = floats(1);
    expect(eulerDenoised(config, noisy, floats(-1), 2)[0]).toBe(3);
    const velocity = floats((-1 - 2 * 3) / Math.sqrt(5));
    expect(eulerDenoised({ ...config, prediction_type: 'v_prediction' }, noisy, velocity, 2)[0]).toBeCloseTo(
      3,
      6,
    );
  });

  it('go along the line to the clean latent, and end there', () => {
    expect(eulerStep(floats(5), floats(3), 2, 1)[0]).toBe(4);
    expect(eulerStep(floats(5), floats(3), 2, 0)[0]).toBe(3);
  });

  it('keep the noise level when they add new noise', () => {
    // From σ = 2 to 1: up = √(1·3/4), down = √(1 − 3/4) = 1/2.
    expect(eulerAncestralStep(floats(5), floats(3), floats(2), 2, 1)[0]).toBeCloseTo(
      3 + 2 * 0.25 + 2 * Math.sqrt(0.75),
      6,
    );
    expect(eulerAncestralStep(floats(5), floats(3), floats(9), 2, 0)[0]).toBe(3);
  });
});
