import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { parameterScope, prefixOf } from '../../nn/parameter-scope.ts';
import { unusedAlexnetWeights } from '../alexnet/alexnet.ts';
import { buildLpips, type LpipsOptions } from '../lpips/lpips.ts';
import { matchStored, type StoredNetwork } from '../match-stored.ts';
import { inferVggWidths, unusedVggWeights } from '../vgg/vgg.ts';
import type { PerceptualNetwork } from './perceptual-network.ts';

/**
 * LPIPS over VGG16 or AlexNet.
 * @param trunkWeights torchvision's `vgg16` or `alexnet` weights
 * @param linear the lpips package's `vgg.pth` or `alex.pth`
 * @throws {CheckpointError} if a weight is missing or misshapen
 */
export async function createLpipsNetwork(
  trunkWeights: StoredNetwork,
  linear: StoredNetwork,
  { doubleNormalisation, trunk = 'vgg' }: Pick<LpipsOptions, 'doubleNormalisation' | 'trunk'>,
): Promise<PerceptualNetwork> {
  const trunkName = trunk === 'vgg' ? 'VGG16' : 'AlexNet';
  const networks = { trunk: parameterScope(trunk), linear: parameterScope('lpips') };
  const widths = inferVggWidths((key) => trunkWeights.tensors.get(key)?.entry.shape, 16);
  const distance = (a: Value, b: Value): Value =>
    buildLpips(networks, a, b, { trunk, widths, doubleNormalisation });
  const shape = [1, 3, 32, 32];
  const sample = distance(input('a', shape), input('b', shape));
  const unused = trunk === 'vgg' ? unusedVggWeights : unusedAlexnetWeights;
  const binders = {
    trunk: await matchStored([sample], trunk, trunkWeights, `${trunkName} network`, unused),
    linear: await matchStored([sample], 'lpips', linear, 'linear layers of LPIPS'),
  };
  return {
    name: `LPIPS (${trunkName})`,
    distance,
    bind: (name, shape) => binders[prefixOf(name) === trunk ? 'trunk' : 'linear'](name, shape),
    owns: (name) => [trunk, 'lpips'].includes(prefixOf(name)),
  };
}
