/** How far two faces' persons are apart, as a face descriptor sees it that comes as a graph model of TensorFlow.js. */

import { z } from 'zod';
import { parseTfjsWeights } from '../../checkpoint/tfjs-weights.ts';
import { describeIssues } from '../../failure/schema-issues.ts';
import { add, concat, input, mul, split, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { FractionalBox } from '../../nn/cut-box.ts';
import { prefixOf } from '../../nn/parameter-scope.ts';
import { buildTfjsGraph } from '../tfjs/graph-model.ts';
import { cropFace, squaredDistance, unitLength } from './face-network.ts';
import type { PerceptualNetwork } from './perceptual-network.ts';

/**
 * What networks of 112 × 112 pixels see, trained on faces aligned as ArcFace's (Deng et al. 2019, arXiv:1801.07698)
 * are, in an image that is aligned as FFHQ's are: its five landmarks fall onto ArcFace's within a pixel.
 */
export const arcfaceBox: FractionalBox = {
  left: 56 / 512,
  top: 56 / 512,
  right: 456 / 512,
  bottom: 456 / 512,
};

export interface DescriptorNetworkOptions {
  readonly box?: FractionalBox;
  /** The node that gives the descriptor [B, length]; the last one unless given. */
  readonly output?: string;
}

const prefix = 'descriptor';
/** Of a side of what such networks see. */
const mostPixels = 1024;

const modelSchema = z.object({
  modelTopology: z.object({
    node: z
      .array(
        z.looseObject({
          name: z.string(),
          op: z.string(),
          attr: z
            .looseObject({
              shape: z
                .looseObject({
                  shape: z.looseObject({ dim: z.array(z.looseObject({ size: z.coerce.number() })) }),
                })
                .optional(),
            })
            .optional(),
        }),
      )
      .min(1),
  }),
  weightsManifest: z.unknown(),
});

/**
 * 1 − cos of the angle between the descriptors.
 * @param model the parsed JSON of a graph model of one placeholder [−1, S, S, 3], which takes RGB in 0..255
 * @param weightBytes the file of weights beside it
 * @param file where the model comes from, for errors
 * @throws {SyntaxError} if the model has another form
 * @throws {TypeError} for an operation that cannot be translated
 */
export function createDescriptorNetwork(
  model: unknown,
  weightBytes: Uint8Array,
  file: string,
  { box = arcfaceBox, output }: DescriptorNetworkOptions = {},
): PerceptualNetwork {
  const parsed = modelSchema.safeParse(model);
  if (!parsed.success) throw new SyntaxError(`${file} is no graph model: ${describeIssues(parsed.error)}`);
  const { modelTopology, weightsManifest } = parsed.data;
  const tensors = parseTfjsWeights(weightsManifest, weightBytes, file);
  const { node: nodes } = modelTopology;
  const placeholder = nodes.find(({ op }) => op === 'Placeholder');
  const [, side = 0, across = 0, channels = 0] =
    placeholder?.attr?.shape?.shape.dim.map(({ size }) => size) ?? [];
  if (!placeholder || !(side > 0 && side <= mostPixels) || across !== side || channels !== 3)
    throw new SyntaxError(
      `${file} does not describe images: it has no placeholder of [-1, S, S, 3] with S up to ${mostPixels}`,
    );
  const last = output ?? nodes.at(-1)!.name;
  /** face [B, S, S, 3] in 0..255 */
  const build = (face: Value) =>
    buildTfjsGraph(prefix, modelTopology, tensors, { [placeholder.name]: face }, [last]);
  // What cannot be translated is told now.
  const { weights } = build(input('face', [1, side, side, 3]));
  const describe = (image: Value): Value => {
    const face = add(mul(cropFace(image, box, side), 127.5), 127.5);
    return unitLength(build(transpose(face, [0, 2, 3, 1])).outputs[last]!);
  };
  return {
    name: 'face descriptor',
    distance(a, b) {
      // A graph makes each parameter once, so both go through one.
      const [left, right] = split(describe(concat([a, b], 0)), 0, 2);
      return mul(squaredDistance(left!, right!), 0.5);
    },
    bind(name) {
      const tensor = weights.get(name);
      if (prefixOf(name) !== prefix || !tensor)
        throw new TypeError(`Parameter ${name} is none of the face descriptor`);
      return { kind: 'inline', data: tensor.data };
    },
    owns: (name) => prefixOf(name) === prefix,
  };
}
