/** CLIP's text tower (Radford et al. 2021, arXiv:2103.00020), by Hugging Face's weight names. */

import { add, constant, gather, matmul, mul, reshape, softmax, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { layerNorm } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { fileLimits } from '../../tensor/file-limits.ts';
import { z } from '../../tensor/file-schema.ts';
import { encoderLayer } from '../clip/clip.ts';
import { layerCount, width } from '../config-numbers.ts';

/** config.json of a text encoder; keys that it does not know are passed over. */
export const clipTextConfigSchema = z.object({
  vocab_size: z._default(z.int().check(z.positive(), z.lte(fileLimits.network.vocabulary)), 49408),
  hidden_size: z._default(width, 768),
  intermediate_size: z.optional(width),
  num_hidden_layers: z._default(layerCount, 12),
  num_attention_heads: z._default(width, 12),
  /** Tokens of a text. */
  max_position_embeddings: z._default(z.int().check(z.positive(), z.lte(fileLimits.network.tokens)), 77),
  hidden_act: z._default(z.enum(['quick_gelu', 'gelu']), 'quick_gelu'),
  layer_norm_eps: z._default(z.number().check(z.positive()), 1e-5),
});
export type ClipTextConfig = z.infer<typeof clipTextConfigSchema>;

/** What files of towers hold beside what is used. */
export const unusedClipTextWeights =
  /\.position_ids$|^text_projection\.|^(vision_model|visual_projection|logit_scale)/;

export interface ClipTextStates {
  /** The residual stream before the first layer and after each, [N, T, C]. */
  readonly hidden: readonly Value[];
  /** After the last layer and the final norm: what the first Stable Diffusions look at, [N, T, C]. */
  readonly last: Value;
  /** After the last layer but one and the final norm, [N, T, C]. */
  readonly penultimate: Value;
}

/**
 * Padding is attended to like any token; nobody looks ahead.
 * @param ids [N, T], whole numbers below `vocab_size`
 */
export function buildClipText(root: ParameterScope, config: ClipTextConfig, ids: Value): ClipTextStates {
  const { vocab_size, hidden_size: width, max_position_embeddings: length, layer_norm_eps: epsilon } = config;
  const p = root.at('text_model');
  const embeddings = p.at('embeddings');
  const tokens = gather(embeddings.get('token_embedding.weight', [vocab_size, width]), ids);
  const positions = embeddings.get('position_embedding.weight', [length, width]);
  const hidden = [add(tokens, positions)];
  for (let i = 0; i < config.num_hidden_layers; i++)
    hidden.push(encoderLayer(p.at(`encoder.layers.${i}`), config, hidden[i]!, causalAttention));
  const normalise = (h: Value): Value => layerNorm(p.at('final_layer_norm'), h, epsilon);
  return { hidden, last: normalise(hidden.at(-1)!), penultimate: normalise(hidden.at(-2) ?? hidden[0]!) };
}

/** Attention to what stands at or before each place; q, k, v [N, T, heads·D] → [N, T, heads·D]. */
function causalAttention(q: Value, k: Value, v: Value, heads: number): Value {
  const [batch, length, width] = q.shape as [number, number, number];
  const split = (x: Value): Value =>
    transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]); // [N, heads, T, D]
  const ahead = Float32Array.from({ length: length ** 2 }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  const scores = mul(matmul(split(q), split(k), { transB: true }), Math.sqrt(heads / width));
  const weights = softmax(add(scores, constant([length, length], ahead)));
  return reshape(transpose(matmul(weights, split(v)), [0, 2, 1, 3]), [batch, length, width]);
}
