import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rateAt, type Schedule } from './learning-rate.ts';
import { parseTrainConfig } from './train-config.ts';

const folder = fileURLToPath(new URL('../../configs', import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.json'),
);
const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));

describe('the configs', () => {
  it('are there', () => expect(existsSync(folder) && files.length).toBeGreaterThanOrEqual(10));
  it.each(files)('%s is valid', (file) => {
    expect(() => parseTrainConfig(read(file), file)).not.toThrow();
  });

  it('have the published learning rates', () => {
    const { optimizer } = parseTrainConfig(read('interlcm.json'), 'interlcm.json');
    const rate = (iteration: number): number => rateAt(optimizer, iteration);
    expect(rate(1)).toBe(5e-5);
    expect(rate(75_001)).toBeCloseTo(3.5e-5, 12); // half a period: midway between the rate and the minimum
    expect(rate(150_001)).toBeCloseTo(2e-5, 12);
  });

  it('are refused with every reason', () => {
    const bad = { ...(read('interlcm.json') as object), iterations: 0, seeed: 1 };
    expect(() => parseTrainConfig(bad, 'bad.json')).toThrow(/bad\.json.*iterations.*seeed/s);
    expect(() => parseTrainConfig({ stage: 'interlmc' }, 'bad.json')).toThrow('stage');
    const uneven = { ...(read('small/interlcm.json') as object), microBatch: 3 };
    expect(() => parseTrainConfig(uneven, 'bad.json')).toThrow('microBatch 3 does not divide');
  });

  it.each([
    [{ startStep: 5 }, 'startStep 5 is beyond the 4 steps'],
    [{ startStep: 1, train: ['vae'] }, 'leave vae out of "train"'],
    [{ losses: { l1: { weight: 1, from: 2 } } }, 'no loss counts at the first iteration'],
    [{ losses: { l1: { weight: 0 } } }, 'no loss counts at the first iteration'],
    [{ data: { size: 128, batch: 8, workers: -1 } }, 'data.workers'],
  ])('are refused with %j', (change, problem) => {
    const bad = { ...(read('small/interlcm.json') as object), ...change };
    expect(() => parseTrainConfig(bad, 'bad.json')).toThrow(problem);
  });
});

describe('the cosine schedule', () => {
  it('warms up, restarts and stays at its end', () => {
    const schedule = {
      type: 'cosine-restart',
      periods: [10, 20],
      restartWeights: [1, 0.5],
      minimum: 0.1,
    } satisfies Schedule;
    const rate = (iteration: number): number =>
      rateAt({ learningRate: 1, schedule, warmupIterations: 3 }, iteration);
    expect(rate(1)).toBe(0.25);
    expect(rate(4)).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.cos(0.3 * Math.PI)), 12);
    expect(rate(11)).toBeCloseTo(0.55, 12);
    expect(rate(31)).toBeCloseTo(0.1, 12);
    expect(rate(1000)).toBeCloseTo(0.1, 12);
  });
});
