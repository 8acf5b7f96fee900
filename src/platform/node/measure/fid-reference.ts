/** What FID is taken to: published statistics, or the pictures of a folder. */
import { stat } from 'node:fs/promises';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { openTensorFile, readFloat64 } from '../../../checkpoint/tensor-file.ts';
import type { PictureMeasure } from '../../../measure/picture-measure.ts';
import {
  FeatureGatherer,
  type FeatureStatistics,
  type SetStatistics,
} from '../../../metrics/feature-statistics.ts';
import { openFileSource } from '../files/file-source.ts';
import type { ScoresJournal } from './scores-journal.ts';
import { sourcePictures } from './source-pictures.ts';

export interface FidReferenceOptions {
  readonly inception: PictureMeasure;
  /** Keeps the features of a folder's pictures. */
  readonly journal?: ScoresJournal;
  readonly onPicture?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * @param place a folder of pictures, or a file with `mean` and `cov`
 * @throws {CheckpointError} if it is neither
 */
export async function openFidReference(
  place: string,
  { inception, journal, onPicture, signal }: FidReferenceOptions,
): Promise<SetStatistics> {
  const found = await stat(place).catch(() => undefined);
  if (!found) throw new CheckpointError('there is no such file or folder', { file: place });
  if (!found.isDirectory()) return readStatistics(place);
  const features = new FeatureGatherer();
  const sources = await sourcePictures({ pictures: place });
  for (const [done, { name, key, read }] of sources.entries()) {
    signal?.throwIfAborted();
    onPicture?.(done, sources.length, name);
    const kept = (await journal?.find(key))?.features;
    const own = kept?.own ?? ((await inception.measure((await read()).picture, undefined)) as Float32Array);
    if (!kept) await journal?.add(key, { scores: {}, features: { own } });
    features.add(own);
  }
  if (features.count < 2)
    throw new CheckpointError('FID needs two pictures or more to compare with', { file: place });
  return features.statistics();
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
