/** Networks that measure pictures: from their stored weights to a session with its input and its score. */
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { pixelsToTensor } from '../image/pixel-tensor.ts';
import { type BytePixels, toBytePixels } from '../image/pixels.ts';
import { cosineDistance } from '../metrics/cosine-distance.ts';
import { descriptorAngle } from '../metrics/descriptor-angle.ts';
import { arcfaceSize, buildArcface, unusedArcfaceWeights } from '../models/arcface/arcface.ts';
import { arcfaceInput } from '../models/arcface/arcface-input.ts';
import { buildDreamsim, type DreamsimBranch, dreamsimSize } from '../models/dreamsim/dreamsim.ts';
import { dreamsimInput } from '../models/dreamsim/dreamsim-input.ts';
import { buildInception, inceptionSize, unusedInceptionWeights } from '../models/inception/inception.ts';
import { inceptionInput } from '../models/inception/inception-input.ts';
import { matchStored, type StoredNetwork, shapesOf } from '../models/match-stored.ts';
import { buildMusiq, inferMusiqConfig } from '../models/musiq/musiq.ts';
import { musiqPatches, withoutPadding } from '../models/musiq/musiq-patches.ts';
import type { PerceptualNetwork } from '../models/perceptual/perceptual-network.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sizedSession } from '../runtime/sized-session.ts';
import type { PictureMeasure } from './picture-measure.ts';

/**
 * Inception's features, 2,048 numbers a picture, for FID.
 * @throws {CheckpointError} if the weights are of another network; so do the others here
 */
export async function inceptionMeasure(runtime: Runtime, stored: StoredNetwork): Promise<PictureMeasure> {
  const image = input('image', [1, 3, inceptionSize, inceptionSize]);
  const { pool3 } = buildInception(parameterScope('inception'), image);
  const bind = await matchStored([pool3], 'inception', stored, "FID's Inception", unusedInceptionWeights);
  const session = await runtime.createSession(emitModel('Inception', { pool3 }, bind), { packWeights: true });
  return {
    async measure({ pixels }) {
      const results = await session.run({ image: inceptionInput(pixels) });
      return results['pool3']!.data.slice();
    },
    release: () => session.release(),
  };
}

/** Degrees between the faces of two pictures. */
export async function arcfaceMeasure(runtime: Runtime, stored: StoredNetwork): Promise<PictureMeasure> {
  const face = input('face', [1, 1, arcfaceSize, arcfaceSize]);
  const descriptor = buildArcface(parameterScope('arcface'), face);
  const bind = await matchStored([descriptor], 'arcface', stored, 'ArcFace ResNet-18', unusedArcfaceWeights);
  const session = await runtime.createSession(emitModel('ArcFace', { descriptor }, bind), {
    packWeights: true,
  });
  return {
    async measure(picture, truth) {
      const descriptorOf = async (gray: BytePixels): Promise<Float32Array> => {
        const results = await session.run({ face: arcfaceInput(gray) });
        return results['descriptor']!.data.slice();
      };
      const own = await descriptorOf(await picture.gray());
      return descriptorAngle(own, await descriptorOf(await truth!.gray()));
    },
    release: () => session.release(),
  };
}

/** MUSIQ's score of a picture of any size. */
export async function musiqMeasure(runtime: Runtime, stored: StoredNetwork): Promise<PictureMeasure> {
  const config = inferMusiqConfig(shapesOf(stored));
  const build = (count: number) =>
    buildMusiq(parameterScope('musiq'), config, {
      patches: input('patches', [count, 3, 32, 32]),
      positions: input('positions', [count]),
      scales: input('scales', [count]),
    }).score;
  const bind = await matchStored([build(1)], 'musiq', stored, 'MUSIQ');
  const { at, release } = sizedSession(
    runtime,
    (count: number) => emitModel('MUSIQ', { score: build(count) }, bind),
    { packWeights: true },
  );
  return {
    async measure({ pixels }) {
      const { patches, positions, scales } = withoutPadding(
        musiqPatches(pixelsToTensor(pixels), config.grid),
      );
      const session = await at(patches.shape[0]!);
      const { score } = await session.run({ patches, positions, scales });
      return score!.data[0]!;
    },
    release,
  };
}

/** DreamSim's distance of two pictures. */
export async function dreamsimMeasure(
  runtime: Runtime,
  branches: readonly (DreamsimBranch & { readonly stored: StoredNetwork; readonly network: string })[],
): Promise<PictureMeasure> {
  const { embed } = buildDreamsim(branches, input('image', [1, 3, dreamsimSize, dreamsimSize]));
  const binders = new Map<string, Awaited<ReturnType<typeof matchStored>>>();
  for (const { network, stored } of branches)
    binders.set(network, await matchStored([embed], network, stored, network, unusedDreamsimWeights));
  const model = emitModel('DreamSim', { embed }, (name, shape) =>
    binders.get(name.slice(0, name.indexOf('/')))!(name, shape),
  );
  const session = await runtime.createSession(model);
  return {
    async measure(picture, truth) {
      const embedOf = async (pixels: typeof picture.pixels): Promise<Float32Array> => {
        const results = await session.run({ image: dreamsimInput(toBytePixels(pixels)) });
        return results['embed']!.data.slice();
      };
      return cosineDistance(await embedOf(picture.pixels), await embedOf(truth!.pixels));
    },
    release: () => session.release(),
  };
}

/** DINO's final norm and head come after what is taken. */
const unusedDreamsimWeights = /^(norm|head)\.|\.(rank|alpha)_pattern$/;

/** LPIPS of two pictures of one size. */
export function lpipsMeasure(runtime: Runtime, network: PerceptualNetwork): PictureMeasure {
  const { at, release } = sizedSession(runtime, (height: number, width: number) => {
    const shape = [1, 3, height, width];
    const distance = network.distance(input('a', shape), input('b', shape));
    return emitModel(network.name, { distance }, network.bind);
  });
  return {
    async measure({ pixels }, truth) {
      const session = await at(pixels.height, pixels.width);
      const { distance } = await session.run({ a: pixelsToTensor(pixels), b: pixelsToTensor(truth!.pixels) });
      return distance!.data[0]!;
    },
    release,
  };
}
