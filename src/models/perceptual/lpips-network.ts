import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { parameterScope, prefixOf } from '../../nn/parameter-scope.ts';
import { buildLpips, type LpipsOptions } from '../lpips/lpips.ts';
import { matchStored, type StoredNetwork } from '../match-stored.ts';
import { inferVggWidths, unusedVggWeights } from '../vgg/vgg.ts';
import type { PerceptualNetwork } from './perceptual-network.ts';

/**
 * LPIPS over VGG16.
 * @param vgg torchvision's `vgg16` weights
 * @param linear the lpips package's `vgg.pth`
 * @throws {CheckpointError} if a weight is missing or misshapen
 */
export async function createLpipsNetwork(
  vgg: StoredNetwork,
  linear: StoredNetwork,
  { doubleNormalisation }: Pick<LpipsOptions, 'doubleNormalisation'>,
): Promise<PerceptualNetwork> {
  const networks = { trunk: parameterScope('vgg'), linear: parameterScope('lpips') };
  const widths = inferVggWidths((key) => vgg.tensors.get(key)?.entry.shape, 16);
  const distance = (a: Value, b: Value): Value => buildLpips(networks, a, b, { widths, doubleNormalisation });
  const shape = [1, 3, 16, 16];
  const sample = distance(input('a', shape), input('b', shape));
  const binders = {
    vgg: await matchStored([sample], 'vgg', vgg, 'VGG16 network', unusedVggWeights),
    lpips: await matchStored([sample], 'lpips', linear, 'linear layers of LPIPS'),
  };
  return {
    name: 'LPIPS (VGG16)',
    distance,
    bind: (name, shape) => binders[prefixOf(name) === 'vgg' ? 'vgg' : 'lpips'](name, shape),
    owns: (name) => ['vgg', 'lpips'].includes(prefixOf(name)),
  };
}
