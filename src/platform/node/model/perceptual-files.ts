/** Networks that compare images, from the files they are published in. */
import { readFile } from 'node:fs/promises';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { foldFaceRecognitionWeights } from '../../../models/face-recognition/face-recognition-weights.ts';
import type { LpipsTrunk } from '../../../models/lpips/lpips.ts';
import {
  createDescriptorNetwork,
  type DescriptorNetworkOptions,
} from '../../../models/perceptual/descriptor-network.ts';
import { createFaceNetwork, type FaceNetworkOptions } from '../../../models/perceptual/face-network.ts';
import { createLpipsNetwork } from '../../../models/perceptual/lpips-network.ts';
import type { PerceptualNetwork } from '../../../models/perceptual/perceptual-network.ts';
import { createVgg19Network, type Vgg19Options } from '../../../models/perceptual/vgg19-network.ts';
import { nextTurn } from '../../../runtime/next-turn.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { readFaceApiWeights } from './face-api-files.ts';
import { withStoredNetworks } from './stored-network-files.ts';

type PerceptualSettings =
  /** `vgg`: torchvision's VGG16; `linear`: the lpips package's `vgg.pth`. */
  | {
      readonly kind: 'lpips';
      readonly vgg: string;
      readonly linear: string;
      readonly doubleNormalisation?: boolean;
      /** `vgg` unless given; with `alex` the files are torchvision's AlexNet and `alex.pth`. */
      readonly trunk?: LpipsTrunk;
    }
  /** `vgg`: torchvision's VGG19. */
  | ({ readonly kind: 'vgg19'; readonly vgg: string } & Vgg19Options)
  /** The network that the package face-api brings along. */
  | ({ readonly kind: 'face' } & FaceNetworkOptions);

/**
 * Loads a network. VGG's weights stay in their files, which must not change while it is used.
 * @throws {CheckpointError} if a file cannot be read or is of another network
 */
export async function loadPerceptualNetwork(settings: PerceptualSettings): Promise<PerceptualNetwork> {
  switch (settings.kind) {
    case 'lpips': {
      const { vgg, linear, doubleNormalisation = false, trunk = 'vgg' } = settings;
      return withStoredNetworks([vgg, linear], ([vggWeights, linearWeights]) =>
        createLpipsNetwork(vggWeights!, linearWeights!, { doubleNormalisation, trunk }),
      );
    }
    case 'vgg19':
      return withStoredNetworks([settings.vgg], ([vgg]) => createVgg19Network(vgg!, settings));
    case 'face':
      return createFaceNetwork(await readFaceRecognitionWeights(), settings);
  }
}

/**
 * Loads a face descriptor that losses compare persons by.
 * @param model the JSON of a graph model of TensorFlow.js; its weights lie beside it, in the file of the same name that
 *   ends in `.bin`
 * @throws {CheckpointError} if a file is missing or damaged, or its operations cannot be translated
 */
export async function loadDescriptorNetwork({
  model,
  ...options
}: { readonly model: string } & DescriptorNetworkOptions): Promise<PerceptualNetwork> {
  const weights = model.replace(/\.json$/, '.bin');
  const read = (file: string): Promise<Buffer> =>
    readFile(file).catch((cause: Error) => {
      const hint =
        'losses.identity needs a graph model of TensorFlow.js, NAME.json, and its weights, NAME.bin';
      throw new CheckpointError(`${cause.message}. ${hint}`, { file, cause });
    });
  const [topology, bytes] = [await read(model), await read(weights)];
  try {
    return createDescriptorNetwork(JSON.parse(topology.toString()), bytes, model, options);
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError((cause as Error).message, { file: model, cause });
  }
}

/** @returns as {@link foldFaceRecognitionWeights} */
export async function readFaceRecognitionWeights(): Promise<Map<string, HostTensor>> {
  const model = 'face_recognition_model';
  const tensors = await readFaceApiWeights(model);
  await nextTurn();
  return foldFaceRecognitionWeights(tensors, `face-api's ${model}`);
}
