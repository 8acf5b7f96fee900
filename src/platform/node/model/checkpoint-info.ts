/** What a checkpoint folder holds, network by network. */
import {
  type CheckpointOverrides,
  networksOfCheckpoint,
  openCheckpoint,
} from '../../../restore/checkpoint.ts';
import type { NetworkName } from '../../../restore/networks.ts';
import {
  buildRestorationGraphs,
  compareNetworks,
  modelImageSize,
} from '../../../restore/restoration-graphs.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

export interface NetworkInfo {
  readonly network: NetworkName;
  readonly file: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly dtypes: readonly string[];
  readonly config: unknown;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly misshapen: readonly string[];
  /** Known, but not needed to restore. */
  readonly unused: readonly string[];
}

export interface CheckpointInfo {
  readonly folder: string;
  /** Side of the square image, in pixels. */
  readonly imageSize: number;
  readonly networks: readonly NetworkInfo[];
}

/** @throws {CheckpointError} if a network's files are missing or unreadable */
export async function checkpointInfo(
  folder: string,
  overrides: CheckpointOverrides = {},
): Promise<CheckpointInfo> {
  const store = await openCheckpointFolder(folder);
  try {
    const checkpoint = await openCheckpoint(store, overrides);
    const imageSize = modelImageSize(checkpoint);
    const graphs = buildRestorationGraphs(checkpoint, { batch: 1, height: imageSize, width: imageSize });
    const comparisons = compareNetworks(checkpoint, graphs);
    const networks = networksOfCheckpoint(checkpoint).map(([network, { tensors, path: file, config }]) => {
      const { missing, unexpected, misshapen, unused } = comparisons.get(network)!;
      const entries = [...tensors.values()].map(({ entry }) => entry);
      const count = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
      return {
        network,
        file,
        tensors: entries.length,
        parameters: entries.reduce((sum, { shape }) => sum + count(shape), 0),
        bytes: entries.reduce((sum, { byteLength }) => sum + byteLength, 0),
        dtypes: [...new Set(entries.map(({ dtype }) => dtype))],
        config,
        missing,
        unexpected,
        misshapen,
        unused,
      };
    });
    return { folder, imageSize, networks };
  } finally {
    await store.close();
  }
}
