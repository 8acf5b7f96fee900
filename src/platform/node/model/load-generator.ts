import { createGenerator, type Generator } from '../../../generate/create-generator.ts';
import { openGenerator } from '../../../generate/generator-checkpoint.ts';
import type { GeneratorModel } from '../../../generate/generator-models.ts';
import type { MemoryMode } from '../../../restore/stage-models.ts';
import type { DeviceChoice, Runtime } from '../../../runtime/runtime.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { weightCache } from '../engine/weight-cache.ts';
import { createWorkerRuntime } from '../engine/worker-runtime.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';
import { openTextContext, type TextCondition } from './text-context.ts';

export interface LoadGeneratorOptions {
  /** `lcm`: LCM Dreamshaper, four consistency steps, unless given; `sd-turbo`: four Euler steps. */
  readonly model?: GeneratorModel | undefined;
  /** Side of the images in pixels; what the model was trained on unless given. */
  readonly imageSize?: number | undefined;
  readonly device?: DeviceChoice | undefined;
  readonly threads?: number | undefined;
  /** `balanced` unless given. */
  readonly memory?: MemoryMode | undefined;
  /** Told of what is done once, and of what may surprise. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** A text-to-image model with its text tower. */
export interface LoadedGenerator extends Generator {
  /** The condition that a text, or a stored embedding, stands for, [1, L, E]: what `generate` takes. */
  encode(condition: string | TextCondition): Promise<HostTensor>;
}

/**
 * Loads a text-to-image model from a checkpoint folder in the released layout.
 * @throws {CheckpointError} if it is incomplete or does not fit together; RangeError for the image's side
 */
export async function loadGenerator(
  checkpointFolder: string,
  { model = 'lcm', imageSize, device, threads, memory, onProgress }: LoadGeneratorOptions = {},
): Promise<LoadedGenerator> {
  const runtime: Runtime = await createWorkerRuntime({ device, threads });
  const store = await openCheckpointFolder(checkpointFolder);
  try {
    const checkpoint = await openGenerator(store, model);
    const cache = weightCache(checkpointFolder, runtime, onProgress);
    // Stages of both models have the same names, and their files would take each other's place.
    const prepare: typeof cache = (stage, values, bind) => cache(`${model}-${stage}`, values, bind);
    const generator = await createGenerator(checkpoint, runtime, { imageSize, memory, prepare });
    return {
      ...generator,
      encode: (condition) =>
        openTextContext(typeof condition === 'string' ? { text: condition } : condition, {
          checkpoint: checkpointFolder,
          model,
          runtime,
          onNote: onProgress,
        }),
      release: async () => {
        await generator.release();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
