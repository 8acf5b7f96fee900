/** How a run does: its losses and pictures with averaged weights. */
import type { HostTensor } from '../tensor/host-tensor.ts';
import { imageScores } from './image-scores.ts';
import { joinBatches, microBatches } from './micro-batch.ts';
import { stageFeeds, type TrainerParts } from './trainer-parts.ts';
import { addLosses, previewPrefix } from './trainer-programs.ts';
import type { TrainingBatch } from './training-data.ts';

export interface ValidationResult {
  readonly values: Readonly<Record<string, number>>;
  /** Of an autoencoder's latents, over all their elements. */
  readonly latentDeviation?: number;
  /** Columns by name, each [images, 3, S, S]. */
  readonly columns: Readonly<Record<string, HostTensor>>;
}

/** First key of the draws of a validation: the same at every call. */
const validationStream = 2;

/** @param images are drawn from with the same noise at every call, so that results of a run compare */
export async function validate(trainer: TrainerParts, images: TrainingBatch): Promise<ValidationResult> {
  const { stage, microBatch, programs, generator } = trainer;
  const sums = new Map<string, number>();
  const scores = new Map<string, number>();
  const columns: Record<string, HostTensor[]> = {};
  const latents: HostTensor[] = [];
  const parts = microBatches(images, microBatch);
  for (const [i, part] of parts.entries()) {
    const feeds = {
      ...stageFeeds(trainer, part, i, 'validation', [validationStream]),
      ...generator.averages,
    };
    const values = await programs.validation().run(feeds, {});
    addLosses(sums, values, parts.length);
    if (stage.images)
      for (const [name, score] of Object.entries(imageScores(values['restored']!, part.high)))
        scores.set(name, (scores.get(name) ?? 0) + score / parts.length);
    if (values['latent']) latents.push(values['latent']);
    for (const [name, tensor] of Object.entries(values))
      if (name.startsWith(previewPrefix)) {
        const column = name.slice(previewPrefix.length);
        columns[column] = [...(columns[column] ?? []), tensor];
      }
  }
  return {
    values: Object.fromEntries([...sums, ...scores]),
    ...(latents.length > 0 && { latentDeviation: deviation(joinBatches(latents).data) }),
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, tensors]) => [name, joinBatches(tensors)]),
    ),
  };
}

function deviation(data: Float32Array): number {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  return Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length);
}
