import { expect, it } from 'vitest';
import { add, mul, parameter } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { runningStatistics } from './running-statistics.ts';

const gain = parameter('d/bn.weight', [2]);
const mean = parameter('d/bn.running_mean', [2]);
const variance = parameter('d/bn.running_var', [2]);
const updates = new Map<string, Value>([
  ['d/bn.running_mean', mul(mean, gain)],
  ['d/bn.running_var', add(variance, 1)],
]);

it('starts as a new network: means zero, variances one; trained parameters are no part of it', () => {
  const { tensors, outputs } = runningStatistics(updates);
  expect(tensors).toEqual({
    'd/bn.running_mean': hostTensor([2]),
    'd/bn.running_var': hostTensor([2], Float32Array.of(1, 1)),
  });
  expect(Object.values(outputs)).toEqual([...updates.values()]);
});

it('takes over what was computed, in place', () => {
  const { tensors, outputs, update } = runningStatistics(updates);
  const held = tensors['d/bn.running_mean']!.data;
  const computed = Object.keys(outputs).map((name, i) => [
    name,
    hostTensor([2], Float32Array.of(i + 3, i + 4)),
  ]);
  update(Object.fromEntries(computed));
  expect([...held]).toEqual([3, 4]);
  expect([...tensors['d/bn.running_var']!.data]).toEqual([4, 5]);
});
