/** A loaded model over any runtime. */
import { bindWeights, requireMatch } from '../models/network-weights.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createStagePool, type StagePool } from '../runtime/stage-pool.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { type Checkpoint, networksOfCheckpoint } from './checkpoint.ts';
import {
  allMatched,
  buildRestorationGraphs,
  compareNetworks,
  type ImageBatch,
  modelImageSize,
} from './restoration-graphs.ts';
import {
  fidelityOf,
  type RunStage,
  requireImageBatch,
  restoreFaces,
  type SampleOptions,
  type StageName,
} from './restore-faces.ts';
import type { Restorer } from './restorer.ts';
import {
  buildStageModels,
  type MemoryMode,
  type PrepareWeights,
  type StageModels,
  stagePlans,
} from './stage-models.ts';

export interface RestorerOptions {
  readonly memory?: MemoryMode;
  readonly prepare?: PrepareWeights;
}

/** The stages of one batch and image size, ready to run. */
export interface LoadedStages {
  readonly models: StageModels;
  readonly pool: StagePool<StageName>;
  readonly run: RunStage;
}

/**
 * Checks that a checkpoint's weights fit its networks, and builds the stages.
 * @throws {CheckpointError} listing tensors that are missing, unexpected or misshapen
 */
export async function loadStages(
  checkpoint: Checkpoint,
  runtime: Runtime,
  size: ImageBatch,
  { memory = 'balanced', prepare }: RestorerOptions = {},
): Promise<LoadedStages> {
  const graphs = buildRestorationGraphs(checkpoint, size);
  const comparisons = compareNetworks(checkpoint, graphs);
  for (const [network, { path }] of networksOfCheckpoint(checkpoint))
    requireMatch(comparisons.get(network)!, network, `${checkpoint.name}/${path}`);
  const bind = await bindWeights(allMatched(comparisons));
  const plan = stagePlans[memory];
  const models = await buildStageModels(graphs, bind, plan, prepare);
  const pool = createStagePool(runtime, models, plan.budgetBytes);
  return { models, pool, run: pool.run };
}

/** A restorer of square faces of the checkpoint's own size. */
export async function createRestorer(
  checkpoint: Checkpoint,
  runtime: Runtime,
  options: RestorerOptions = {},
): Promise<Restorer> {
  const imageSize = modelImageSize(checkpoint);
  let stages: LoadedStages | undefined;
  let batchSize = 0;
  const stagesFor = async (batch: number): Promise<LoadedStages> => {
    if (stages && batch === batchSize) return stages;
    await stages?.pool.release();
    stages = await loadStages(checkpoint, runtime, { batch, height: imageSize, width: imageSize }, options);
    batchSize = batch;
    try {
      await stages.pool.load();
    } catch (error) {
      await stages.pool.release();
      stages = undefined;
      throw error;
    }
    return stages;
  };
  await stagesFor(1);
  return {
    imageSize,
    fidelity: fidelityOf(checkpoint),
    device: `${runtime.device}: ${runtime.reason}`,
    async restore(lq: HostTensor, sampleOptions: SampleOptions = {}) {
      requireImageBatch(lq, imageSize);
      const { run } = await stagesFor(lq.shape[0]!);
      return restoreFaces(checkpoint, run, lq, sampleOptions);
    },
    async release() {
      await stages?.pool.release();
      stages = undefined;
    },
  };
}
