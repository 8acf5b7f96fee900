/** CLIP's image tower (Radford et al. 2021, arXiv:2103.00020), by Hugging Face's weight names. */

import { add, attention, concat, expand, gelu, quickGelu, reshape, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { convLayer, layerNorm, linear } from '../../nn/layers.ts';
import type { ParameterScope } from '../../nn/parameter-scope.ts';
import { z } from '../../tensor/file-schema.ts';
import { width as featureCount, layerCount, side } from '../config-numbers.ts';

const visionSchema = z.object({
  hidden_size: z._default(featureCount, 768),
  intermediate_size: z.optional(featureCount),
  num_hidden_layers: z._default(layerCount, 12),
  num_attention_heads: z._default(featureCount, 12),
  image_size: z._default(side, 224),
  patch_size: z._default(side, 16),
  hidden_act: z._default(z.enum(['quick_gelu', 'gelu']), 'quick_gelu'),
  layer_norm_eps: z._default(z.number().check(z.positive()), 1e-5),
});
type ClipConfig = z.infer<typeof visionSchema>;

/** config.json of a whole CLIP model, or of its vision tower alone. */
export const clipConfigSchema = z.union([
  z.pipe(
    z.object({ vision_config: visionSchema }),
    z.transform((config) => config.vision_config),
  ),
  visionSchema,
]);

/** Number of tokens: one a patch and the class token. */
export function clipTokenCount(config: ClipConfig): number {
  return (config.image_size / config.patch_size) ** 2 + 1;
}

/**
 * All tokens after the final layer norm, without the projection.
 * @param image [N, 3, S, S], normalised by CLIP's mean and deviation
 * @returns [N, tokens, hidden]
 */
export function buildClip(root: ParameterScope, config: ClipConfig, image: Value): Value {
  const p = root.at('vision_model');
  const { hidden_size: width, patch_size: patch, layer_norm_eps: epsilon } = config;
  const batch = image.shape[0]!;
  const embeddings = p.at('embeddings');
  const patches = convLayer(embeddings.at('patch_embedding'), image, width, {
    kernel: patch,
    stride: patch,
    padding: 0,
    bias: false,
  });
  const tokens = transpose(reshape(patches, [batch, width, -1]), [0, 2, 1]); // [N, patches, C]
  const classToken = expand(reshape(embeddings.get('class_embedding', [width]), [1, 1, width]), [
    batch,
    1,
    width,
  ]);
  const positions = embeddings.get('position_embedding.weight', [clipTokenCount(config), width]);
  let h = layerNorm(p.at('pre_layrnorm'), add(concat([classToken, tokens], 1), positions), epsilon);
  for (let i = 0; i < config.num_hidden_layers; i++) h = encoderLayer(p.at(`encoder.layers.${i}`), config, h);
  return layerNorm(p.at('post_layernorm'), h, epsilon);
}

type EncoderLayerConfig = Pick<
  ClipConfig,
  'hidden_size' | 'intermediate_size' | 'num_attention_heads' | 'hidden_act' | 'layer_norm_eps'
>;

/**
 * One layer of either of CLIP's towers: x [N, T, C] → [N, T, C].
 * @param attend who attends to whom: everybody to everybody unless given
 */
export function encoderLayer(
  p: ParameterScope,
  config: EncoderLayerConfig,
  x: Value,
  attend: typeof attention = attention,
): Value {
  const { hidden_size: width, layer_norm_eps: epsilon, num_attention_heads: heads } = config;
  const self = p.at('self_attn');
  const normal = layerNorm(p.at('layer_norm1'), x, epsilon);
  const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((part) => linear(self.at(part), normal, width));
  const h = add(x, linear(self.at('out_proj'), attend(q!, k!, v!, heads), width));
  const activation = config.hidden_act === 'gelu' ? gelu : quickGelu;
  const hidden = linear(
    p.at('mlp.fc1'),
    layerNorm(p.at('layer_norm2'), h, epsilon),
    config.intermediate_size ?? 4 * width,
  );
  return add(h, linear(p.at('mlp.fc2'), activation(hidden), width));
}
