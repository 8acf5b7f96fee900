import { describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { MetricsSet, metricsSetSchema } from './metrics-set.ts';
import { bindInMemory } from './set-weights.ts';
import { verifyMetricsSet } from './verify-metrics.ts';

const json = metricsSetSchema.parse({
  set: 'fid',
  spec: {},
  tensors: {
    a: { shape: [4], kind: 'expected', tol: 1e-3 },
    sampled: { shape: [2, 3], kind: 'expected', sample_step: 2, tol: 1e-3 },
    whole: { shape: [2], kind: 'expected' },
    given: { shape: [1], kind: 'input' },
  },
  values: { n: { value: 2, tol: 0.1, twice: 4, parts: [1, 1] }, note: { value: 1 } },
});
const stored: Record<string, HostTensor> = {
  a: hostTensor([4], Float32Array.of(1, 2, 3, 4)),
  sampled: hostTensor([3], Float32Array.of(1, 3, 5)),
  whole: hostTensor([2], Float32Array.of(7, 8)),
};
const read = async (name: string) => stored[name];

describe('a set of reference values', () => {
  it('passes equal tensors, sampled ones by their samples', async () => {
    const set = new MetricsSet(json, read);
    expect(await set.compare('a', [1, 2, 3, 4])).toMatchObject({ measured: 0, limit: 1e-3, passed: true });
    expect(await set.compare('sampled', [1, 99, 3, 99, 5, 99])).toMatchObject({ passed: true });
    expect(await set.compare('whole', [7, 8])).toMatchObject({ kind: 'absolute error', passed: true });
  });

  it('fails others, of another length, and what was not computed', async () => {
    const set = new MetricsSet(json, read);
    expect(await set.compare('a', [1, 2, 3, 4.1])).toMatchObject({ passed: false });
    expect(await set.compare('a', [1, 2, 3])).toMatchObject({ measured: Number.NaN, passed: false });
    expect(await set.compare('whole', [7, 9])).toMatchObject({ measured: 1, passed: false });
    expect(await set.compare('sampled', undefined)).toMatchObject({ passed: false });
    const rows = [...set.missed()].map(({ name, passed }) => [name, passed]);
    expect(rows).toEqual([['n (not computed)', false]]);
  });

  it('compares numbers relative to them, and those beside', () => {
    const set = new MetricsSet(json, read);
    const rows = [...set.value('n', 2.1, { beside: { twice: 4.5, parts: [1, 1.05] } })];
    expect(rows.map(({ name, passed }) => [name, passed])).toEqual([
      ['n', true],
      ['n twice', false],
      ['n parts.0', true],
      ['n parts.1', true],
    ]);
    expect([...set.value('n', 2.15, { error: 'absolute' })][0]).toMatchObject({ passed: false });
  });

  it('of an unknown kind is refused', async () => {
    const context = {
      runtime: await createNodeRuntime(),
      bind: bindInMemory,
      readText: async () => '',
    };
    const rows = verifyMetricsSet({ ...json, set: 'nothing' }, read, context);
    await expect(rows.next()).rejects.toThrow(
      'Cannot verify a set of the kind "nothing": known are inception',
    );
  });
});
