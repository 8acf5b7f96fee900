/** A checkpoint's autoencoder alone. */
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { bindWeights, compareWeights, requireMatch } from '../models/network-weights.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeScaleFactor } from '../models/vae/vae.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sizedSession } from '../runtime/sized-session.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import type { Checkpoint } from './checkpoint.ts';
import { networks } from './networks.ts';
import { parameterShapes } from './restoration-graphs.ts';
import { requireFidelity, requireImageBatch } from './restore-faces.ts';
import type { Restorer } from './restorer.ts';

/**
 * Encodes and decodes faces, nothing more. Of an autoencoder that was trained on good faces it is the most that a
 * restoration can reach; one that was trained on degraded faces is a restorer by itself. Of sampling options `fidelity`
 * alone counts; 0 unless given.
 * @param imageSize side of the faces in pixels
 * @throws {RangeError} if the side is no multiple of the autoencoder's factor
 * @throws {CheckpointError} if weights are missing, unexpected or misshapen
 */
export async function createAutoencoder(
  { name, vae }: Pick<Checkpoint, 'name' | 'vae'>,
  runtime: Runtime,
  imageSize: number,
): Promise<Restorer> {
  const factor = vaeScaleFactor(vae.config);
  if (imageSize % factor !== 0)
    throw new RangeError(`Cannot encode ${imageSize} pixels: the sides must be multiples of ${factor}`);
  const { at, release } = sizedSession(runtime, async (batch: number) => {
    const scope = parameterScope(networks.vae.prefix);
    const image = input('image', [batch, 3, imageSize, imageSize]);
    const { mean, features } = buildVaeEncoder(scope, vae.config, image);
    const fidelity = input('fidelity', [batch, 1, 1, 1]);
    const photo = vae.config.photo_fusion ? { image, features, fidelity } : undefined;
    const decoded = buildVaeDecoder(scope, vae.config, mean, photo);
    const comparison = compareWeights(parameterShapes([decoded]), vae.tensors, networks.vae.rules);
    requireMatch(comparison, 'vae', `${name}/${vae.path}`);
    return emitModel('autoencoder', { decoded }, await bindWeights(comparison.matched));
  });
  await at(1);
  return {
    imageSize,
    device: `${runtime.device}: ${runtime.reason}`,
    async restore(faces, { fidelity } = {}) {
      requireImageBatch(faces, imageSize);
      if (fidelity !== undefined) requireFidelity({ name, vae }, fidelity);
      const batch = faces.shape[0]!;
      const session = await at(batch);
      const rows = hostTensor([batch, 1, 1, 1], new Float32Array(batch).fill(fidelity ?? 0));
      return (await session.run({ image: faces, fidelity: rows }))['decoded']!;
    },
    release,
  };
}
