/** Random weights to start from, as PyTorch's layers have them. */
import type { Shape } from '../graph/value.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Tensors } from '../runtime/runtime.ts';
import { elementCount } from '../tensor/host-tensor.ts';

/** Layers that start at zero, so that what they feed starts undisturbed (Zhang et al. 2023, section 3.1). */
const zeroLayers = /\/controlnet_(down_blocks|mid_block)|controlnet_cond_embedding\.conv_out|\.cond_proj\./;
const embeddings = /(class_embedding|position_embedding\.weight)$/;
const embeddingDeviation = 0.02;

/**
 * Fills parameters with random values: uniform in ±1/√fan-in, gains one, biases of gains zero.
 * @param parameters by full name; filled in place
 * @param names which of them
 */
export function drawInitialWeights(parameters: Tensors, names: Iterable<string>, seed: number): void {
  for (const name of names) {
    const { shape, data } = parameters[name]!;
    const stream = new RandomStream(seed, [hashOf(name)]);
    if (zeroLayers.test(name)) data.fill(0);
    else if (embeddings.test(name)) scale(stream.fillNormal(data), embeddingDeviation);
    else {
      const weightShape = name.endsWith('.bias') ? parameters[name.replace(/bias$/, 'weight')]?.shape : shape;
      if (weightShape && weightShape.length >= 2)
        fillUniform(stream, data, 1 / Math.sqrt(fanIn(weightShape)));
      else data.fill(name.endsWith('.weight') ? 1 : 0);
    }
  }
}

/** As the published discriminator starts: convolutions N(0, 0.02²), gains N(1, 0.02²), biases zero. */
export function drawDiscriminatorWeights(parameters: Tensors, seed: number): void {
  for (const [name, { shape, data }] of Object.entries(parameters)) {
    if (name.endsWith('.bias')) data.fill(0);
    else {
      scale(new RandomStream(seed, [hashOf(name)]).fillNormal(data), embeddingDeviation);
      if (shape.length === 1) for (let i = 0; i < data.length; i++) data[i]! += 1;
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
