/** Weights of face-api's networks, which lie in this package as face-api publishes them. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { parseTfjsWeights } from '../../../checkpoint/tfjs-weights.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { faceApiFolder } from './packaged-models.ts';

export type FaceApiModel = 'ssd_mobilenetv1_model' | 'face_landmark_68_model' | 'face_recognition_model';

/** @throws {CheckpointError} if the package's files are missing or damaged */
export async function readFaceApiWeights(model: FaceApiModel): Promise<Map<string, HostTensor>> {
  const file = path.join(faceApiFolder, `${model}.bin`);
  const read = (name: string): Promise<Buffer> =>
    readFile(name).catch((cause: Error) => {
      throw new CheckpointError(`${cause.message}. Install the package again: npm ci`, { file: name, cause });
    });
  const manifest = await read(path.join(faceApiFolder, `${model}-weights_manifest.json`));
  return parseTfjsWeights(JSON.parse(manifest.toString()), await read(file), file);
}
