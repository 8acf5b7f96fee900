/**
 * MUSIQ (Ke et al. 2021, arXiv:2108.05997): the quality of a picture of any size, from patches at several scales; by
 * the weight names of IQA-PyTorch.
 */
import {
  add,
  attention,
  concat,
  conv,
  div,
  gather,
  gelu,
  maxPool,
  mul,
  pad,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  slice,
  sqrt,
  sub,
  transpose,
} from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { groupNorm, layerNorm, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { samePadding } from '../../nn/tensorflow-layers.ts';

export interface MusiqConfig {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpWidth: number;
  /** Positions are looked up in a square grid of this side. */
  readonly grid: number;
  readonly scales: number;
}

const stemWidth = 64;
const blockWidth = 256;
const groups = 32;
const rootEpsilon = 1e-6;
const blockEpsilon = 1e-4;
const normEpsilon = 1e-6;

/** The published network's sizes where the stored weights do not tell them; heads are 64 wide. */
export function inferMusiqConfig(shapes: ReadonlyMap<string, Shape>): MusiqConfig {
  const encoder = 'transformer_encoder';
  const width = shapes.get('embedding.weight')?.[0] ?? 384;
  const blocks = [...shapes.keys()].map((key) => /encoderblock_(\d+)\./.exec(key)?.[1]);
  return {
    width,
    depth: new Set(blocks.filter((number) => number !== undefined)).size || 14,
    heads: Math.max(1, Math.floor(width / 64)),
    mlpWidth: shapes.get(`${encoder}.transformer.encoderblock_0.mlp.fc1.weight`)?.[0] ?? 1152,
    grid: Math.round(Math.sqrt(shapes.get(`${encoder}.posembed_input.position_emb`)?.[1] ?? 100)),
    scales: shapes.get(`${encoder}.scaleembed_input.scale_emb`)?.[0] ?? 3,
  };
}

export interface MusiqInputs {
  /** [T, 3, 32, 32] in [-1, 1] */
  readonly patches: Value;
  /** [T], places in the grid, row by row */
  readonly positions: Value;
  /** [T], 0 for the smallest scale */
  readonly scales: Value;
}

export interface MusiqOutputs {
  /** [T, 256, 8, 8] */
  readonly stem: Value;
  /** Before positions are added, [T, width]. */
  readonly tokens: Value;
  /** [1, width] */
  readonly encodedClass: Value;
  /** One number, about 0 to 100, higher is better; [1, 1]. */
  readonly score: Value;
}

/**
 * Padding patches must be left out: in the published network nobody attends to them, so they change nothing.
 */
export function buildMusiq(root: ParameterScope, config: MusiqConfig, inputs: MusiqInputs): MusiqOutputs {
  const { width, depth, grid, scales } = config;
  const stem = buildStem(root, inputs.patches);
  const count = stem.shape[0]!;
  const flat = reshape(transpose(stem, [0, 2, 3, 1]), [count, -1]); // row, column, channel
  const tokens = linear(root.at('embedding'), flat, width);
  const encoder = root.at('transformer_encoder');
  const positionTable = reshape(encoder.get('posembed_input.position_emb', [1, grid ** 2, width]), [
    -1,
    width,
  ]);
  const scaleTable = encoder.get('scaleembed_input.scale_emb', [scales, width]);
  const placed = add(add(tokens, gather(positionTable, inputs.positions)), gather(scaleTable, inputs.scales));
  const withClass = concat([reshape(encoder.get('cls', [1, 1, width]), [1, width]), placed], 0);
  let h = reshape(withClass, [1, count + 1, width]);
  for (let i = 0; i < depth; i++) h = encoderBlock(encoder.at(`transformer.encoderblock_${i}`), config, h);
  const classToken = reshape(slice(h, 1, 0, 1), [1, width]);
  const encodedClass = layerNorm(encoder.at('encoder_norm'), classToken, normEpsilon);
  return { stem, tokens, encodedClass, score: linear(root.at('head'), encodedClass, 1) };
}

/** [T, 3, 32, 32] → [T, 256, 8, 8] */
function buildStem(root: ParameterScope, patches: Value): Value {
  const norm = (name: string, x: Value): Value =>
    groupNorm(root.at(`block1.${name}`), x, groups, blockEpsilon);
  const layer = (name: string, x: Value, width: number, kernel: number): Value =>
    standardisedConv(root.at(`block1.${name}`), x, width, { kernel, stride: 1 });
  let h = standardisedConv(root.at('conv_root'), patches, stemWidth, { kernel: 7, stride: 2 });
  h = relu(groupNorm(root.at('gn_root'), h, groups, rootEpsilon));
  const [top, left, bottom, right] = samePadding(h.shape[2]!, 3, 2) as [number, number, number, number];
  h = pad(h, [0, 0, top, left, 0, 0, bottom, right]);
  h = maxPool(h, { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] });
  const shortcut = norm('gn_proj', layer('conv_proj', h, blockWidth, 1));
  h = relu(norm('gn1', layer('conv1', h, stemWidth, 1)));
  h = relu(norm('gn2', layer('conv2', h, stemWidth, 3)));
  return relu(add(norm('gn3', layer('conv3', h, blockWidth, 1)), shortcut));
}

/** A convolution whose filters have zero mean and unit deviation (Qiao et al. 2019, arXiv:1903.10520); no bias. */
function standardisedConv(
  p: ParameterScope,
  x: Value,
  width: number,
  { kernel, stride }: { kernel: number; stride: number },
): Value {
  const channels = x.shape[1]!;
  const weight = p.get('weight', [width, channels, kernel, kernel]);
  const centred = sub(weight, reduceMean(weight, [1, 2, 3], true));
  const squares = reduceSum(mul(centred, centred), [1, 2, 3], true);
  const deviation = sqrt(mul(squares, 1 / (channels * kernel ** 2 - 1)));
  const padding = samePadding(x.shape[2]!, kernel, stride);
  return conv(x, div(centred, add(deviation, 1e-5)), undefined, { stride, padding });
}

/** x [1, T, C] → [1, T, C] */
function encoderBlock(p: ParameterScope, { width, heads, mlpWidth }: MusiqConfig, x: Value): Value {
  const normal = layerNorm(p.at('norm1'), x, normEpsilon);
  const [q, k, v] = ['query', 'key', 'value'].map((part) => linear(p.at(`attention.${part}`), normal, width));
  const h = add(x, linear(p.at('attention.out'), attention(q!, k!, v!, heads), width));
  const hidden = gelu(linear(p.at('mlp.fc1'), layerNorm(p.at('norm2'), h, normEpsilon), mlpWidth));
  return add(h, linear(p.at('mlp.fc2'), hidden, width));
}
