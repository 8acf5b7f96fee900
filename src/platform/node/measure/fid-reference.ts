/** What FID is taken to: published statistics, or the pictures of a folder. */
import { stat } from 'node:fs/promises';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { openTensorFile, readFloat64 } from '../../../checkpoint/tensor-file.ts';
import type { PictureMeasure } from '../../../measure/picture-measure.ts';
import { type FeatureStatistics, frechetDistance } from '../../../metrics/frechet.ts';
import { sampleFrechetDistance, statisticsOf } from '../../../metrics/frechet-samples.ts';
import { openFileSource } from '../files/file-source.ts';
import { sourcePictures } from './source-pictures.ts';

/** Published statistics, or the features of every picture. */
export type FidReference = FeatureStatistics | readonly Float32Array[];

/** FID of pictures, by their features. */
export function fidTo(own: readonly Float32Array[], reference: FidReference): number {
  return 'covariance' in reference
    ? frechetDistance(statisticsOf(own), reference)
    : sampleFrechetDistance(own, reference);
}

export interface FidReferenceOptions {
  readonly inception: PictureMeasure;
  readonly onPicture?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * @param place a folder of pictures, or a file with `mean` and `cov`
 * @throws {CheckpointError} if it is neither
 */
export async function openFidReference(
  place: string,
  { inception, onPicture, signal }: FidReferenceOptions,
): Promise<FidReference> {
  const found = await stat(place).catch(() => undefined);
  if (!found) throw new CheckpointError('there is no such file or folder', { file: place });
  if (!found.isDirectory()) return readStatistics(place);
  const features: Float32Array[] = [];
  const sources = await sourcePictures({ pictures: place });
  for (const [done, { name, read }] of sources.entries()) {
    signal?.throwIfAborted();
    onPicture?.(done, sources.length, name);
    features.push((await inception.measure((await read()).picture, undefined)) as Float32Array);
  }
  if (features.length < 2)
    throw new CheckpointError('FID needs two pictures or more to compare with', { file: place });
  return features;
}

async function readStatistics(file: string): Promise<FeatureStatistics> {
  const source = await openFileSource(file);
  try {
    const tensors = await openTensorFile(source);
    for (const name of ['mean', 'cov'])
      if (!tensors.tensors.has(name) && !tensors.arrays?.has(name))
        throw new CheckpointError(`it has no ${name}: statistics of features hold mean and cov`, { file });
    const mean = (await readFloat64(tensors, 'mean')).data;
    const covariance = (await readFloat64(tensors, 'cov')).data;
    if (covariance.length !== mean.length ** 2)
      throw new CheckpointError(
        `its mean has ${mean.length} numbers and its cov ${covariance.length}: they do not belong together`,
        { file },
      );
    return { mean, covariance };
  } finally {
    await source.close();
  }
}
