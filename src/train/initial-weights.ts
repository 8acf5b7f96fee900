/** Weights to start from. */
import type { Shape } from '../graph/value.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Tensors } from '../runtime/runtime.ts';
import { elementCount } from '../tensor/host-tensor.ts';
import { fillCosineAnalysis, fillCosineSynthesis } from './cosine-basis.ts';

/** Layers that start at zero, so that what they feed starts undisturbed (Zhang et al. 2023, section 3.1). */
const zeroLayers =
  /^unet\/conv_out\.|\/controlnet_(down_blocks|mid_block)|controlnet_cond_embedding\.conv_out|\.cond_proj\.|\/shortcut_out\.|\.photo_fusion\./;
const embeddings = /(class_embedding|position_embedding\.weight)$/;
const embeddingDeviation = 0.02;

/** Layers of an autoencoder that start at zero, so that its linear shortcut starts alone. */
const zeroBesideShortcut = /\/(quant_conv|decoder\.(detail\.)?conv_out)\./;
const shortcut = 'linear_shortcut.weight';
/** Log-variance of the posterior at the start, of latents whose variance is about 1. */
const narrowPosterior = -6;

/**
 * Fills parameters with random values: uniform in ±gain/√fan-in, gains one, biases of gains zero. Linear
 * shortcuts start as discrete cosine transforms of patches.
 * @param parameters by full name; filled in place
 * @param names which of them
 * @param gain 1: as PyTorch's layers; √3 keeps a signal's variance
 */
export function drawInitialWeights(
  parameters: Tensors,
  names: Iterable<string>,
  seed: number,
  gain: number,
): void {
  const hasShortcut = Object.keys(parameters).some((name) => name.endsWith(`coder.${shortcut}`));
  for (const name of names) {
    const { shape, data } = parameters[name]!;
    const stream = new RandomStream(seed, [hashOf(name)]);
    if (name.endsWith(`decoder.${shortcut}`)) fillCosineSynthesis(data, shape);
    else if (name.endsWith(shortcut)) fillCosineAnalysis(data, shape);
    else if (hasShortcut && zeroBesideShortcut.test(name)) {
      data.fill(0);
      if (name.endsWith('/quant_conv.bias')) data.fill(narrowPosterior, data.length / 2);
    } else if (zeroLayers.test(name)) data.fill(0);
    else if (embeddings.test(name)) scale(stream.fillNormal(data), embeddingDeviation);
    else {
      const weightShape = name.endsWith('.bias') ? parameters[name.replace(/bias$/, 'weight')]?.shape : shape;
      if (weightShape && weightShape.length >= 2)
        fillUniform(stream, data, gain / Math.sqrt(fanIn(weightShape)));
      else data.fill(name.endsWith('.weight') ? 1 : 0);
    }
  }
}

const fanIn = (shape: Shape): number => elementCount(shape.slice(1));

function scale(data: Float32Array, factor: number): void {
  for (let i = 0; i < data.length; i++) data[i]! *= factor;
}

function fillUniform(stream: RandomStream, data: Float32Array, bound: number): void {
  for (let i = 0; i < data.length; i++) data[i] = stream.uniformBetween(-bound, bound);
}

/** 32-bit FNV-1a: a stream of its own for each parameter, whatever else the network has. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
