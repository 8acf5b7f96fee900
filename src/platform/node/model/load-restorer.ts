import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { because } from '../../../failure/failure.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import { createRestorer } from '../../../restore/create-restorer.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import type { MemoryMode } from '../../../restore/stage-models.ts';
import { chooseMemoryMode, memoryWarning } from '../engine/memory-mode.ts';
import { weightCache } from '../engine/weight-cache.ts';
import { createWorkerRuntime } from '../engine/worker-runtime.ts';
import { exists } from '../files/file-kind.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';
import { isOnnxName, loadOnnxRestorer, type OnnxRestorerOptions } from './onnx-files.ts';
import { embeddedModel } from './packaged-models.ts';
import { openTextContext, type TextCondition } from './text-context.ts';

export interface LoadRestorerOptions extends OnnxRestorerOptions {
  /** The fastest that the free memory allows, unless given. */
  readonly memory?: MemoryMode;
  /** Path of other weights for the visual encoder, such as the one-step release's. */
  readonly visualEncoder?: string;
  readonly spatialEncoder?: string;
  /** A text as the condition, in place of what the visual encoder makes of the photo; '' is the null text. */
  readonly condition?: TextCondition;
  /** Told what is done once, such as transforming weights. */
  readonly onProgress?: (message: string) => void;
}

/**
 * Loads a model from a checkpoint folder in the released layout, the model that comes with this package, or any
 * restorer from its `.onnx` file.
 * @throws {CheckpointError} if the checkpoint is incomplete or does not fit together
 */
export async function loadRestorer(
  checkpointFolder: string = embeddedModel,
  options: LoadRestorerOptions = {},
): Promise<Restorer> {
  if (isOnnxName(checkpointFolder)) return loadOnnxRestorer(checkpointFolder, options);
  const { device, threads, memory, visualEncoder, spatialEncoder, condition, onProgress } = options;
  if (checkpointFolder === embeddedModel) await requireEmbeddedModel();
  const runtime = await createWorkerRuntime({ device, threads });
  const store = await openCheckpointFolder(checkpointFolder);
  try {
    const place = { checkpoint: checkpointFolder, runtime, onNote: onProgress };
    const context = condition && (await openTextContext(condition, place));
    const checkpoint = await openCheckpoint(store, {
      context,
      visualEncoder: visualEncoder && path.resolve(visualEncoder),
      spatialEncoder: spatialEncoder && path.resolve(spatialEncoder),
    });
    const mode = memory ?? chooseMemoryMode(checkpoint);
    const warning = memoryWarning(checkpoint, mode);
    if (warning !== undefined) onProgress?.(warning);
    const prepare = weightCache(checkpointFolder, runtime, onProgress);
    const restorer = await createRestorer(checkpoint, runtime, { memory: mode, prepare });
    return {
      ...restorer,
      release: async () => {
        await restorer.release();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function requireEmbeddedModel(): Promise<void> {
  if (await exists(embeddedModel)) return;
  throw because(
    new CheckpointError(
      'the model that comes with this package is not there. Install again (npm ci in a clone, or npm install interlcm)',
      { file: embeddedModel },
    ),
    { code: 'no-embedded-model' },
  );
}
