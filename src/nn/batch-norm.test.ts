import { describe, expect, it } from 'vitest';
import { parametersOf } from '../graph/graph.ts';
import { sampleTensor } from '../graph/op-cases.test-support.ts';
import { input } from '../graph/ops.ts';
import { evaluate } from '../graph/reference-ops.test-support.ts';
import type { Value } from '../graph/value.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { type BatchNorm, batchNorm, runningBatchNorm, trackingBatchNorm } from './batch-norm.ts';
import { parameterScope } from './parameter-scope.ts';

const shape = [2, 3, 4, 5];
const perChannel = 2 * 4 * 5;
const channelOf = (i: number): number => Math.floor(i / 20) % 3;

const x = sampleTensor(shape, 1);
const other = sampleTensor(shape, 2);
const stored: Record<string, HostTensor> = {
  'd/bn.weight': hostTensor([3], Float32Array.of(0.5, 1, 2)),
  'd/bn.bias': hostTensor([3], Float32Array.of(-1, 0, 1)),
  'd/bn.running_mean': hostTensor([3], Float32Array.of(0.1, 0.2, 0.3)),
  'd/bn.running_var': hostTensor([3], Float32Array.of(0.5, 1.5, 2.5)),
  'd/bn.num_batches_tracked': hostTensor([], Float32Array.of(41)),
};
const leaves = new Map([...Object.entries(stored), ['x', x] as const, ['other', other] as const]);
const apply = (norm: BatchNorm): Value => norm(parameterScope('d').at('bn'), input('x', shape));

/** Mean and biased variance of each channel. */
function statistics({ data }: HostTensor): { mean: number[]; variance: number[] } {
  const mean = [0, 0, 0];
  data.forEach((value, i) => {
    mean[channelOf(i)]! += value / perChannel;
  });
  const variance = [0, 0, 0];
  data.forEach((value, i) => {
    variance[channelOf(i)]! += (value - mean[channelOf(i)]!) ** 2 / perChannel;
  });
  return { mean, variance };
}

function expectClose(actual: HostTensor, expected: readonly number[]): void {
  expect(actual.data.length).toBe(expected.length);
  // Float32 rounding of values about 1.
  expected.forEach((value, i) => {
    expect(actual.data[i]).toBeCloseTo(value, 5);
  });
}

const normalised = (mean: readonly number[], variance: readonly number[]): number[] =>
  [...x.data].map((value, i) => {
    const c = channelOf(i);
    const unit = (value - mean[c]!) / Math.sqrt(variance[c]! + 1e-5);
    return unit * stored['d/bn.weight']!.data[c]! + stored['d/bn.bias']!.data[c]!;
  });

describe('batch normalisation', () => {
  it('is by the batch in training', () => {
    const { mean, variance } = statistics(x);
    expectClose(evaluate(apply(batchNorm), leaves), normalised(mean, variance));
    expectClose(evaluate(apply(trackingBatchNorm(new Map())), leaves), normalised(mean, variance));
  });

  it('needs no running statistics in training', () => {
    expect([...parametersOf([apply(batchNorm)]).keys()]).toEqual(['d/bn.weight', 'd/bn.bias']);
  });

  it('is by the running statistics after training', () => {
    const [mean, variance] = ['mean', 'var'].map((key) => [...stored[`d/bn.running_${key}`]!.data]);
    expectClose(evaluate(apply(runningBatchNorm), leaves), normalised(mean!, variance!));
  });

  it('follows the statistics over several passes, with the unbiased variance', () => {
    const p = parameterScope('d').at('bn');
    const tracked = new Map<string, Value>();
    for (const name of ['x', 'other']) trackingBatchNorm(tracked)(p, input(name, shape));
    expect([...tracked.keys()]).toEqual([
      'd/bn.running_mean',
      'd/bn.running_var',
      'd/bn.num_batches_tracked',
    ]);
    const [first, second] = [statistics(x), statistics(other)];
    const follow = (key: string, a: number[], b: number[]) =>
      [...stored[key]!.data].map((before, c) => (before * 0.9 + a[c]! * 0.1) * 0.9 + b[c]! * 0.1);
    const unbiased = (variance: number[]) => variance.map((v) => (v * perChannel) / (perChannel - 1));
    const value = (key: string) => evaluate(tracked.get(key)!, leaves);
    expectClose(value('d/bn.running_mean'), follow('d/bn.running_mean', first.mean, second.mean));
    expectClose(
      value('d/bn.running_var'),
      follow('d/bn.running_var', unbiased(first.variance), unbiased(second.variance)),
    );
    expectClose(value('d/bn.num_batches_tracked'), [43]);
  });

  it('cannot follow the variance of one value', () => {
    const single = () => trackingBatchNorm(new Map())(parameterScope('d').at('bn'), input('x', [1, 3, 1, 1]));
    expect(single).toThrow(/Cannot track the variance of 1 value/);
  });
});
