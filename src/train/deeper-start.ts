/**
 * Where the weights of a network start that has more layers than the stored one it starts from: what is added gives
 * nothing at first, so that the deeper network computes what the stored one did, and learns from there.
 * @see Chen et al. 2016 (Net2Net), arXiv:1511.05641
 */
import type { Shape } from '../graph/value.ts';
import { ofBlock } from '../models/unet/unet-config.ts';
import { elementCount } from '../tensor/host-tensor.ts';

/** As the configs of UNet, spatial encoder and autoencoder count their layers. */
export interface LayerCounts {
  readonly block_out_channels: readonly number[];
  readonly layers_per_block: number;
  /** Of each transformer; one number for all blocks or one a block. */
  readonly transformer_layers_per_block?: number | readonly number[];
}

/** `stored`: as the stored network's weight of that key; `random`: as in a network from nothing. */
export type WeightStart = { readonly stored: string } | 'zero' | 'identity' | 'random';

const layerKey =
  /^(?<blocks>(?:encoder\.|decoder\.)?(?:down|up)_blocks\.\d+\.(?:resnets|attentions)\.)(?<layer>\d+)\.(?<rest>.+)$/;
const controlKey = /^controlnet_down_blocks\.(?<index>\d+)\.(?<rest>.+)$/;
const transformerKey =
  /(?<half>down|mid|up)_block(?:s\.(?<block>\d+))?\.attentions\.\d+\.transformer_blocks\.(?<index>\d+)\.(?<rest>.+)$/;

/** Last maps of a residual block, of a transformer, and of the branches in its blocks. */
const lastOfLayer = /^(conv2|proj_out)\./;
const lastOfTransformerBlock = /^(attn\d\.to_out\.0|ff\.net\.2)\./;

/**
 * Where the weight `key` starts.
 * @param key of the checkpoint's layout
 * @param from the stored network's layers
 * @param to the layers of the network that starts; with no more of them, every weight is stored under its own key
 */
export function weightStart(key: string, from: LayerCounts, to: LayerCounts): WeightStart {
  const added = addedToTransformer(key, from);
  if (added !== undefined) return lastOfTransformerBlock.test(added) ? 'zero' : 'random';
  const [before, after] = [from.layers_per_block, to.layers_per_block];
  if (after <= before) return { stored: key };
  const control = controlKey.exec(key)?.groups;
  if (control) {
    const index = storedResidual(Number(control.index), before, after);
    return { stored: `controlnet_down_blocks.${index}.${control.rest}` };
  }
  const { blocks, layer, rest } = layerKey.exec(key)?.groups ?? {};
  if (blocks === undefined) return { stored: key };
  const stored = storedLayer(blocks, Number(layer), before, after);
  if (stored !== undefined) return { stored: `${blocks}${stored}.${rest}` };
  if (rest === 'conv_shortcut.weight') return 'identity';
  return rest === 'conv_shortcut.bias' || lastOfLayer.test(rest!) ? 'zero' : 'random';
}

/** What follows a transformer block's index in `key`, if the stored transformer has no such block. */
function addedToTransformer(
  key: string,
  { block_out_channels, transformer_layers_per_block: layers = 1 }: LayerCounts,
): string | undefined {
  const { half, block, index, rest } = transformerKey.exec(key)?.groups ?? {};
  if (index === undefined) return undefined;
  const last = block_out_channels.length - 1;
  const level = half === 'mid' ? last : half === 'up' ? last - Number(block) : Number(block);
  return Number(index) < ofBlock(layers, level) ? undefined : rest;
}

/**
 * The stored layer that layer `index` of a block goes on from, if one does. A UNet's expanding block sees the last of
 * its level's skip connections first: what is added there comes second, so that all others see what they saw.
 */
function storedLayer(blocks: string, index: number, before: number, after: number): number | undefined {
  if (!blocks.startsWith('up'))
    return index < before + Number(blocks.startsWith('decoder')) ? index : undefined;
  if (index === 0) return 0;
  const stored = index - (after - before);
  return stored > 0 ? stored : undefined;
}

/** The stored residual that residual `index` goes on from: added layers' outputs are those of the last stored one. */
function storedResidual(index: number, before: number, after: number): number {
  if (index === 0) return 0; // of `conv_in`
  const level = Math.floor((index - 1) / (after + 1));
  const layer = (index - 1) % (after + 1);
  return 1 + level * (before + 1) + (layer === after ? before : Math.min(layer, before - 1));
}

/** @param shape [N, M, 1, 1] with M ≥ N: the first N channels pass */
export function identityMap(shape: Shape): Float32Array {
  const [rows, columns] = shape as [number, number];
  const values = new Float32Array(elementCount(shape));
  for (let i = 0; i < rows; i++) values[i * columns + i] = 1;
  return values;
}
