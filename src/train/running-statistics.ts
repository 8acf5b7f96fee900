import { parametersOf } from '../graph/graph.ts';
import type { Value } from '../graph/value.ts';
import type { Tensors } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { Communicator } from './communicator.ts';

/** What a network's batch normalisations remember, beside its trained parameters. */
interface RunningStatistics {
  /** By full name, to be fed at every run; they start as a new network's. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** Outputs that a program needs. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Takes over what a program computed. */
  update(values: Tensors): void;
  /** The mean of what all trainers remember, for each of them. */
  average(communicator: Communicator): Promise<void>;
}

const prefix = 'statistics.';

/** @param updates as `trackingBatchNorm` fills them: new values by the full names of the old */
export function runningStatistics(updates: ReadonlyMap<string, Value>): RunningStatistics {
  const stored = [...parametersOf(updates.values())].filter(([name]) => updates.has(name));
  const tensors = Object.fromEntries(
    stored.map(([name, { shape }]) => {
      const tensor = hostTensor(shape);
      tensor.data.fill(name.endsWith('.running_var') ? 1 : 0);
      return [name, tensor];
    }),
  );
  return {
    tensors,
    outputs: Object.fromEntries([...updates].map(([name, value]) => [prefix + name, value])),
    update(values) {
      for (const [name, { data }] of Object.entries(tensors)) data.set(values[prefix + name]!.data);
    },
    async average(communicator) {
      if (communicator.size === 1) return;
      for (const { data } of Object.values(tensors)) {
        await communicator.sum(data);
        for (let i = 0; i < data.length; i++) data[i]! /= communicator.size;
      }
    },
  };
}
