/** Batch normalisation of [N, C, H, W] (Ioffe & Szegedy 2015, arXiv:1502.03167), by PyTorch's weight names. */
import { add, div, mul, reciprocal, reduceMean, reshape, sqrt, sub } from '../graph/ops.ts';
import { isOp, type Value } from '../graph/value.ts';
import type { ParameterScope } from './parameter-scope.ts';

/** A way to normalise x [N, C, H, W] with the weights of a scope. */
export type BatchNorm = (p: ParameterScope, x: Value) => Value;

const epsilon = 1e-5;
/** Part of the running statistics that one batch replaces. */
const momentum = 0.1;

/** By the statistics of the batch, as in training. */
export const batchNorm: BatchNorm = (p, x) => normalise(p, x, batchStatistics(x));

/**
 * As {@link batchNorm}; the running statistics after this batch go into `statistics`, by full parameter name. Those
 * already there are taken as what they were before, so that one map follows several passes.
 */
export function trackingBatchNorm(statistics: Map<string, Value>): BatchNorm {
  return (p, x) => {
    const [batch, channels, height, width] = x.shape as [number, number, number, number];
    const count = batch * height * width;
    if (count < 2)
      throw new RangeError(
        `Cannot track the variance of ${count} value a channel: give larger images or batches`,
      );
    const batchwise = batchStatistics(x);
    const update = (key: string, shape: readonly number[], next: (before: Value) => Value): void => {
      const stored = p.get(key, shape);
      if (!isOp(stored, 'Parameter')) throw new TypeError(`${key} is no parameter`);
      const { name } = stored.attributes;
      statistics.set(name, next(statistics.get(name) ?? stored));
    };
    const average = (batchValue: Value) => (before: Value) =>
      add(mul(before, 1 - momentum), mul(reshape(batchValue, [channels]), momentum));
    update('running_mean', [channels], average(batchwise.mean));
    // Unbiased, though the batch itself is normalised by the biased variance.
    update('running_var', [channels], average(mul(batchwise.variance, count / (count - 1))));
    update('num_batches_tracked', [], (before) => add(before, 1));
    return normalise(p, x, batchwise);
  };
}

/** By the running statistics, as after training, with another ε than PyTorch's own. */
export function runningBatchNormWith(epsilon: number): BatchNorm {
  return (p, x) => {
    const channels = x.shape[1]!;
    const get = (key: string): Value => p.get(key, [channels]);
    const scale = mul(get('weight'), reciprocal(sqrt(add(get('running_var'), epsilon))));
    const shift = sub(get('bias'), mul(get('running_mean'), scale));
    return add(mul(x, perChannel(scale)), perChannel(shift));
  };
}

/** By the running statistics, as after training. */
export const runningBatchNorm: BatchNorm = runningBatchNormWith(epsilon);

interface BatchStatistics {
  /** x − μ */
  readonly centred: Value;
  /** [1, C, 1, 1] */
  readonly mean: Value;
  /** Biased, [1, C, 1, 1]. */
  readonly variance: Value;
}

function batchStatistics(x: Value): BatchStatistics {
  const axes = [0, 2, 3];
  const mean = reduceMean(x, axes, true);
  const centred = sub(x, mean);
  return { centred, mean, variance: reduceMean(mul(centred, centred), axes, true) };
}

/** y = (x − μ)/√(σ² + ε)·γ + β */
function normalise(p: ParameterScope, x: Value, { centred, variance }: BatchStatistics): Value {
  const parameter = (key: string): Value => perChannel(p.get(key, [x.shape[1]!]));
  return add(mul(div(centred, sqrt(add(variance, epsilon))), parameter('weight')), parameter('bias'));
}

function perChannel(values: Value): Value {
  return reshape(values, [1, -1, 1, 1]);
}
