/** Vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929), by the weight names of DINO and timm. */
import {
  add,
  attention,
  concat,
  expand,
  gelu,
  gemm,
  matmul,
  mul,
  quickGelu,
  reshape,
  slice,
  split,
  transpose,
} from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, layerNorm, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';

export interface VitConfig {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly patch: number;
  readonly epsilon: number;
  readonly activation: 'gelu' | 'quick_gelu';
  /** Width of a projection after the final norm, with CLIP's norm before the first block; none for DINO's. */
  readonly projection?: number;
}

/** Low-rank additions to the weights of queries, keys and values (Hu et al. 2021, arXiv:2106.09685). */
export interface LoraWeights {
  /** Holds `blocks.N.attn.qkv.lora_A.weight` [rank, width] and `lora_B` [3·width, rank]. */
  readonly scope: ParameterScope;
  readonly rank: number;
  readonly alpha: number;
}

export interface VitFeatures {
  /** The class token after the last block, [N, width]. */
  readonly classToken: Value;
  /** The same after the final norm. */
  readonly normalised: Value;
  /** The same projected, [N, projection], where the network has a projection. */
  readonly projected?: Value;
}

/** @param image [N, 3, S, S], normalised; S a multiple of the patch */
export function buildVit(
  root: ParameterScope,
  config: VitConfig,
  image: Value,
  lora?: LoraWeights,
): VitFeatures {
  const { width, depth, patch, epsilon, projection } = config;
  const [batch, , side] = image.shape as [number, number, number];
  const count = Math.floor(side / patch) ** 2;
  const embedded = convLayer(root.at('patch_embed.proj'), image, width, {
    kernel: patch,
    stride: patch,
    padding: 0,
  });
  const patches = transpose(reshape(embedded, [batch, width, count]), [0, 2, 1]); // [N, patches, C]
  const first = expand(root.get('cls_token', [1, 1, width]), [batch, 1, width]);
  let h = add(concat([first, patches], 1), root.get('pos_embed', [1, count + 1, width]));
  if (projection !== undefined) h = layerNorm(root.at('pos_drop'), h, epsilon);
  for (let i = 0; i < depth; i++) {
    const place = `blocks.${i}`;
    h = block(root.at(place), config, h, lora && { ...lora, scope: lora.scope.at(`${place}.attn.qkv`) });
  }
  const classToken = reshape(slice(h, 1, 0, 1), [batch, width]);
  const normalised = layerNorm(root.at('norm'), classToken, epsilon);
  if (projection === undefined) return { classToken, normalised };
  return { classToken, normalised, projected: gemm(normalised, root.get('proj', [width, projection])) };
}

/** x [N, T, C] → [N, T, C] */
function block(p: ParameterScope, config: VitConfig, x: Value, lora?: LoraWeights): Value {
  const { heads, width, epsilon, activation } = config;
  const qkv = queriesKeysValues(p.at('attn.qkv'), layerNorm(p.at('norm1'), x, epsilon), lora);
  const [q, k, v] = split(qkv, 2, 3) as [Value, Value, Value];
  const h = add(x, linear(p.at('attn.proj'), attention(q, k, v, heads), width));
  const activate = activation === 'gelu' ? gelu : quickGelu;
  const hidden = activate(linear(p.at('mlp.fc1'), layerNorm(p.at('norm2'), h, epsilon), 4 * width));
  return add(h, linear(p.at('mlp.fc2'), hidden, width));
}

/** x·(W + α/r·B·A)ᵀ + b; the sum of weights is folded before the network runs. */
function queriesKeysValues(p: ParameterScope, x: Value, lora?: LoraWeights): Value {
  const width = x.shape[2]!;
  if (!lora) return linear(p, x, 3 * width);
  const { scope, rank, alpha } = lora;
  const low = matmul(
    scope.get('lora_B.weight', [3 * width, rank]),
    scope.get('lora_A.weight', [rank, width]),
  );
  const weight = add(p.get('weight', [3 * width, width]), mul(low, alpha / rank));
  const rows = gemm(reshape(x, [-1, width]), weight, p.get('bias', [3 * width]), { transB: true });
  return reshape(rows, [...x.shape.slice(0, 2), 3 * width]);
}
