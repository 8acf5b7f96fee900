import { featureStatistics, type SetStatistics, statisticsOf } from '../../metrics/feature-statistics.ts';
import { frechetDistance } from '../../metrics/frechet.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';

/** Means, covariances and Fréchet distances of given features. */
export const verifyFidSet: VerifyMetricsSet = async function* (set) {
  const names = Object.entries(set.json.tensors)
    .filter(([, { kind }]) => kind === 'input')
    .map(([name]) => name);
  const statistics = new Map<string, SetStatistics>();
  for (const name of names) {
    const features = await set.tensor(name);
    const of = featureStatistics(features);
    statistics.set(name, statisticsOf(rowsOf(features)));
    yield await set.compare(`${name}.mean`, of.mean);
    yield await set.compare(`${name}.cov`, of.covariance);
  }
  for (const value of Object.keys(set.json.values)) {
    const [a, b] = pairOf(value, names) ?? [];
    if (a === undefined || b === undefined) continue;
    const [left, right] = [statistics.get(a)!, statistics.get(b)!];
    const mean = left.mean.reduce((sum, m, i) => sum + (m - right.mean[i]!) ** 2, 0);
    yield* set.value(value, frechetDistance(left, right), {
      error: { relativeTo: 1 },
      beside: { mean_part: mean },
    });
  }
};

function rowsOf({ shape: [count = 0, size = 0], data }: HostTensor): Float32Array[] {
  return Array.from({ length: count }, (_, n) => data.subarray(n * size, (n + 1) * size));
}

/** `fid.AB` is of the sets A and B. */
function pairOf(value: string, names: readonly string[]): [string, string] | undefined {
  const pair = value.slice(value.lastIndexOf('.') + 1);
  for (const first of names)
    if (pair.startsWith(first) && names.includes(pair.slice(first.length)))
      return [first, pair.slice(first.length)];
  return undefined;
}
