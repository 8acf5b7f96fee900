/** Networks that describe a picture by a vector, for Fréchet distances between sets of pictures. */

import { faceDescriptorModel } from '../../../face/face-describer.ts';
import { emitModel } from '../../../graph/onnx/emit-model.ts';
import { input, reduceMean } from '../../../graph/ops.ts';
import type { Value } from '../../../graph/value.ts';
import { pixelsToTensor } from '../../../image/pixel-tensor.ts';
import type { FeatureNetwork, FeatureNetworkChoice } from '../../../metrics/feature-network.ts';
import { matchStored } from '../../../models/match-stored.ts';
import { buildVgg, imagenetNormalise, inferVggWidths, unusedVggWeights } from '../../../models/vgg/vgg.ts';
import { parameterScope } from '../../../nn/parameter-scope.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { sizedSession } from '../../../runtime/sized-session.ts';
import { loadIdentityNetwork } from './identity-network.ts';
import { readFaceRecognitionWeights } from './perceptual-files.ts';
import { withStoredNetworks } from './stored-network-files.ts';

/** @throws {CheckpointError} if its files are missing or damaged */
export async function loadFeatureNetwork(
  choice: FeatureNetworkChoice,
  runtime: Runtime,
): Promise<FeatureNetwork> {
  switch (choice.name) {
    case 'faceres':
      return loadIdentityNetwork(runtime);
    case 'face-api':
      return loadFaceRecognition(runtime);
    case 'vgg16':
      return loadVggFeatures(choice.vgg, runtime);
  }
}

/** 128 numbers of the face in the middle. */
async function loadFaceRecognition(runtime: Runtime): Promise<FeatureNetwork> {
  const weights = await readFaceRecognitionWeights();
  const { at, release } = sizedSession(runtime, (size: number) => faceDescriptorModel(weights, size));
  return {
    name: 'face-api',
    async describe(picture) {
      const { width, height } = picture;
      if (width !== height)
        throw new RangeError(
          `Cannot describe a picture of ${width} x ${height}: an aligned face is square. For other pictures take the features of vgg16`,
        );
      const { descriptor } = await (await at(width)).run({ face: pixelsToTensor(picture) });
      return descriptor!.data;
    },
    release,
  };
}

/** The last activations of VGG16, averaged over the picture: 512 numbers. */
async function loadVggFeatures(file: string, runtime: Runtime): Promise<FeatureNetwork> {
  return withStoredNetworks([file], async ([vgg]) => {
    const widths = inferVggWidths((key) => vgg!.tensors.get(key)?.entry.shape, 16);
    const featuresAt = (height: number, width: number): Value => {
      const picture = imagenetNormalise(input('picture', [1, 3, height, width]));
      return reduceMean(buildVgg(parameterScope('vgg'), picture, 16, widths).get('relu5_3')!, [2, 3]);
    };
    const bind = await matchStored([featuresAt(16, 16)], 'vgg', vgg!, 'VGG16 network', unusedVggWeights);
    const { at, release } = sizedSession(runtime, (height: number, width: number) =>
      emitModel('VGG16', { features: featuresAt(height, width) }, bind),
    );
    return {
      name: 'vgg16',
      async describe(picture) {
        const session = await at(picture.height, picture.width);
        const { features } = await session.run({ picture: pixelsToTensor(picture) });
        return features!.data;
      },
      release,
    };
  });
}
