/** A checkpoint's autoencoder alone. */
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { bindWeights, compareWeights, requireMatch } from '../models/network-weights.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeScaleFactor } from '../models/vae/vae.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sizedSession } from '../runtime/sized-session.ts';
import type { Checkpoint } from './checkpoint.ts';
import { networks } from './networks.ts';
import { parameterShapes } from './restoration-graphs.ts';
import { requireImageBatch } from './restore-faces.ts';
import type { Restorer } from './restorer.ts';

/**
 * Encodes and decodes faces, nothing more. Of an autoencoder that was trained on good faces it is the most that a
 * restoration can reach; one that was trained on degraded faces is a restorer by itself. Sampling options are ignored.
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
    const decoded = buildVaeDecoder(scope, vae.config, buildVaeEncoder(scope, vae.config, image).mean);
    const comparison = compareWeights(parameterShapes([decoded]), vae.tensors, networks.vae.rules);
    requireMatch(comparison, 'vae', `${name}/${vae.path}`);
    return emitModel('autoencoder', { decoded }, await bindWeights(comparison.matched));
  });
  await at(1);
  return {
    imageSize,
    device: `${runtime.device}: ${runtime.reason}`,
    async restore(faces) {
      requireImageBatch(faces, imageSize);
      return (await (await at(faces.shape[0]!)).run({ image: faces }))['decoded']!;
    },
    release,
  };
}
