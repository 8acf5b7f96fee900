/** The transformer of Stable Diffusion's UNet: self-attention, attention to the context, gated feed-forward. */
import { add, attention, gelu, mul, reshape, split, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { convLayer, groupNorm, layerNorm, linear } from './layers.ts';
import type { ParameterScope } from './parameter-scope.ts';

interface TransformerOptions {
  readonly heads: number;
  readonly layers: number;
  readonly groups: number;
  /** Whether the projections in and out are linear layers rather than 1×1 convolutions. */
  readonly linearProjection: boolean;
}

/** x [N, C, H, W] attends to itself and to `context` [N, L, E]; returns [N, C, H, W]. */
export function spatialTransformer(
  p: ParameterScope,
  x: Value,
  context: Value,
  { heads, layers, groups, linearProjection }: TransformerOptions,
): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const toTokens = (v: Value): Value => transpose(reshape(v, [batch, channels, height * width]), [0, 2, 1]);
  const toImage = (v: Value): Value => reshape(transpose(v, [0, 2, 1]), [batch, channels, height, width]);

  const normal = groupNorm(p.at('norm'), x, groups, 1e-6);
  let h = linearProjection
    ? linear(p.at('proj_in'), toTokens(normal), channels)
    : toTokens(convLayer(p.at('proj_in'), normal, channels, { kernel: 1 })); // [N, H·W, C]
  for (let i = 0; i < layers; i++) h = transformerBlock(p.at(`transformer_blocks.${i}`), h, context, heads);
  const out = linearProjection
    ? toImage(linear(p.at('proj_out'), h, channels))
    : convLayer(p.at('proj_out'), toImage(h), channels, { kernel: 1 });
  return add(out, x);
}

/** x [N, S, C] → [N, S, C] */
function transformerBlock(p: ParameterScope, x: Value, context: Value, heads: number): Value {
  let h = x;
  const self = layerNorm(p.at('norm1'), h);
  h = add(attentionLayer(p.at('attn1'), self, self, heads), h);
  h = add(attentionLayer(p.at('attn2'), layerNorm(p.at('norm2'), h), context, heads), h);
  return add(gatedFeedForward(p.at('ff'), layerNorm(p.at('norm3'), h)), h);
}

/** Queries from x [N, S, C], keys and values from source [N, L, E]. */
function attentionLayer(p: ParameterScope, x: Value, source: Value, heads: number): Value {
  const channels = x.shape[2]!;
  const q = linear(p.at('to_q'), x, channels, { bias: false });
  const k = linear(p.at('to_k'), source, channels, { bias: false });
  const v = linear(p.at('to_v'), source, channels, { bias: false });
  return linear(p.at('to_out.0'), attention(q, k, v, heads), channels);
}

/** GEGLU (Shazeer 2020, arXiv:2002.05202): W₂(a ⊙ gelu(b)), [a, b] = W₁x. */
function gatedFeedForward(p: ParameterScope, x: Value): Value {
  const channels = x.shape[2]!;
  const [value, gate] = split(linear(p.at('net.0.proj'), x, 8 * channels), 2, 2) as [Value, Value];
  return linear(p.at('net.2'), mul(value, gelu(gate)), channels);
}
