import path from 'node:path';
import { bindWeights } from '../../../models/network-weights.ts';
import { type CheckpointOverrides, openCheckpoint } from '../../../restore/checkpoint.ts';
import {
  allMatched,
  buildRestorationGraphs,
  compareNetworks,
  modelImageSize,
} from '../../../restore/restoration-graphs.ts';
import { buildStageModels, stagePlans } from '../../../restore/stage-models.ts';
import { requireWritable, writeFileAtomically } from '../files/atomic-write.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

/**
 * Writes each stage's ONNX model as the networks are defined, before any rewriting, for a viewer such as Netron.
 * Weights stay in the checkpoint's files; the models name them.
 * @returns the files written
 */
export async function saveGraphs(
  checkpointFolder: string,
  folder: string,
  overrides: CheckpointOverrides = {},
): Promise<string[]> {
  const store = await openCheckpointFolder(checkpointFolder);
  try {
    const checkpoint = await openCheckpoint(store, overrides);
    const side = modelImageSize(checkpoint);
    const graphs = buildRestorationGraphs(checkpoint, { batch: 1, height: side, width: side });
    const bind = await bindWeights(allMatched(compareNetworks(checkpoint, graphs)));
    const plan = { ...stagePlans.low, winograd: () => undefined };
    const models = await buildStageModels(graphs, bind, plan);
    await requireWritable(folder);
    const files: string[] = [];
    for (const [stage, { model }] of Object.entries(models)) {
      const file = path.join(folder, `${stage}.onnx`);
      await writeFileAtomically(file, model.bytes);
      files.push(file);
    }
    return files;
  } finally {
    await store.close();
  }
}
