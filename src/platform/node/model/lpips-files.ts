/** LPIPS from its published weights, for measuring. */

import { emitModel } from '../../../graph/onnx/emit-model.ts';
import { input } from '../../../graph/ops.ts';
import { pixelsToTensor } from '../../../image/pixel-tensor.ts';
import type { Pixels } from '../../../image/pixels.ts';
import type { LpipsTrunk } from '../../../models/lpips/lpips.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { sizedSession } from '../../../runtime/sized-session.ts';
import { loadPerceptualNetwork } from './perceptual-files.ts';

interface LpipsMetric {
  /** The distance of two pictures of one size, at least 16 x 16. */
  distance(a: Pixels, b: Pixels): Promise<number>;
  release(): Promise<void>;
}

/**
 * @param files `vgg`: torchvision's VGG16, `linear`: the lpips package's `vgg.pth`; of the trunk `alex` AlexNet and `alex.pth`
 * @throws {CheckpointError} if a file cannot be read or is of another network
 */
export async function loadLpips(
  files: { readonly vgg: string; readonly linear: string; readonly trunk?: LpipsTrunk },
  runtime: Runtime,
): Promise<LpipsMetric> {
  const network = await loadPerceptualNetwork({ kind: 'lpips', ...files });
  const { at, release } = sizedSession(runtime, (height: number, width: number) => {
    const shape = [1, 3, height, width];
    return emitModel(
      'lpips',
      { distance: network.distance(input('a', shape), input('b', shape)) },
      network.bind,
    );
  });
  return {
    async distance(a, b) {
      const session = await at(a.height, a.width);
      const { distance } = await session.run({ a: pixelsToTensor(a), b: pixelsToTensor(b) });
      return distance!.data[0]!;
    },
    release,
  };
}
