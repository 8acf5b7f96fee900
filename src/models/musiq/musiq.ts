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
  const count = inputs.patches.shape[0]!;
  const stemOf = openStem(root);
  const stems = batchesOf(inputs.patches).map(stemOf);
  const flat = stems.map((stem) => reshape(transpose(stem, [0, 2, 3, 1]), [stem.shape[0]!, -1])); // row, column, channel
  const tokens = linear(root.at('embedding'), joined(flat), width);
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
  return { stem: joined(stems), tokens, encodedClass, score: linear(root.at('head'), encodedClass, 1) };
}

/** So few that what is between the small convolutions stays in the caches. */
const patchesAtOnce = 32;

function batchesOf(patches: Value): Value[] {
  const count = patches.shape[0]!;
  const firsts = Array.from({ length: Math.ceil(count / patchesAtOnce) }, (_, i) => i * patchesAtOnce);
  if (firsts.length === 1) return [patches];
  return firsts.map((first) => slice(patches, 0, first, Math.min(count, first + patchesAtOnce)));
}

function joined(parts: readonly Value[]): Value {
  return parts.length === 1 ? parts[0]! : concat(parts, 0);
}

/** The layers before the tokens: [T, 3, 32, 32] → [T, 256, 8, 8] of any number of patches, by the same weights. */
function openStem(root: ParameterScope): (patches: Value) => Value {
  const block = root.at('block1');
  const convRoot = standardisedConv(root.at('conv_root'), [stemWidth, 3], { kernel: 7, stride: 2 });
  const conv1 = standardisedConv(block.at('conv1'), [stemWidth, stemWidth], { kernel: 1, stride: 1 });
  const conv2 = standardisedConv(block.at('conv2'), [stemWidth, stemWidth], { kernel: 3, stride: 1 });
  const conv3 = standardisedConv(block.at('conv3'), [blockWidth, stemWidth], { kernel: 1, stride: 1 });
  const convProj = standardisedConv(block.at('conv_proj'), [blockWidth, stemWidth], { kernel: 1, stride: 1 });
  const norm = (name: string, x: Value): Value => groupNorm(block.at(name), x, groups, blockEpsilon);
  return (patches) => {
    let h = relu(groupNorm(root.at('gn_root'), convRoot(patches), groups, rootEpsilon));
    const [top, left, bottom, right] = samePadding(h.shape[2]!, 3, 2) as [number, number, number, number];
    h = pad(h, [0, 0, top, left, 0, 0, bottom, right]);
    h = maxPool(h, { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] });
    const shortcut = norm('gn_proj', convProj(h));
    h = relu(norm('gn1', conv1(h)));
    h = relu(norm('gn2', conv2(h)));
    return relu(add(norm('gn3', conv3(h)), shortcut));
  };
}

/** A convolution whose filters have zero mean and unit deviation (Qiao et al. 2019, arXiv:1903.10520); no bias. */
function standardisedConv(
  p: ParameterScope,
  [width, channels]: readonly [width: number, channels: number],
  { kernel, stride }: { kernel: number; stride: number },
): (x: Value) => Value {
  const weight = p.get('weight', [width, channels, kernel, kernel]);
  const centred = sub(weight, reduceMean(weight, [1, 2, 3], true));
  const squares = reduceSum(mul(centred, centred), [1, 2, 3], true);
  const deviation = sqrt(mul(squares, 1 / (channels * kernel ** 2 - 1)));
  const filters = div(centred, add(deviation, 1e-5));
  return (x) => conv(x, filters, undefined, { stride, padding: samePadding(x.shape[2]!, kernel, stride) });
}

/** x [1, T, C] → [1, T, C] */
function encoderBlock(p: ParameterScope, { width, heads, mlpWidth }: MusiqConfig, x: Value): Value {
  const normal = layerNorm(p.at('norm1'), x, normEpsilon);
  const [q, k, v] = ['query', 'key', 'value'].map((part) => linear(p.at(`attention.${part}`), normal, width));
  const h = add(x, linear(p.at('attention.out'), attention(q!, k!, v!, heads), width));
  const hidden = gelu(linear(p.at('mlp.fc1'), layerNorm(p.at('norm2'), h, normEpsilon), mlpWidth));
  return add(h, linear(p.at('mlp.fc2'), hidden, width));
}
