/** Weights that the package face-api brings along. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { parseTfjsWeights } from '../../../checkpoint/tfjs-weights.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';

export type FaceApiModel = 'ssd_mobilenetv1_model' | 'face_landmark_68_model' | 'face_recognition_model';

/** @throws {CheckpointError} if the package's files are missing or damaged */
export async function readFaceApiWeights(model: FaceApiModel): Promise<Map<string, HostTensor>> {
  const packageFile = createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json');
  const folder = path.join(path.dirname(packageFile), 'model');
  const file = path.join(folder, `${model}.bin`);
  const read = (name: string): Promise<Buffer> =>
    readFile(name).catch((cause: Error) => {
      throw new CheckpointError(`${cause.message}. Install the package again: npm ci`, { file: name, cause });
    });
  const manifest = await read(path.join(folder, `${model}-weights_manifest.json`));
  return parseTfjsWeights(JSON.parse(manifest.toString()), await read(file), file);
}
