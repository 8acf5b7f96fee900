/** Files of small networks, as `torch.save` writes the published ones. */
import { writeFile } from 'node:fs/promises';
import { encodeTorchArchive } from '../../../checkpoint/torch-archive-writer.ts';
import { parametersOf } from '../../../graph/graph.ts';
import { input } from '../../../graph/ops.ts';
import type { Shape, Value } from '../../../graph/value.ts';
import { buildParsenet } from '../../../models/parsenet/parsenet.ts';
import { buildRetinaface } from '../../../models/retinaface/retinaface.ts';
import { buildRrdbnet } from '../../../models/rrdbnet/rrdbnet.ts';
import { parameterScope } from '../../../nn/parameter-scope.ts';
import { formulaWeight } from '../../../verify/formula.ts';

const image = (channels: readonly number[]) => input('image', [1, 3, channels[0]!, channels[1]!]);
const root = () => parameterScope('net');

export const savedParsenet = (size: number) =>
  buildParsenet(root(), { halvings: 2, width: 2, mostWidth: 4, blocks: 1 }, image([size, size]));

export const savedUpscaler = (size: number) =>
  buildRrdbnet(root(), { scale: 2, width: 8, growth: 4, blocks: 1 }, image([size, size]));

export const savedRetinaface = (height: number, width: number) =>
  buildRetinaface(
    root(),
    { backbone: 'mobilenet0.25', width: 64, backboneWidth: 64 },
    image([height, width]),
  );

/** Variances about one, landmarks far apart, everything else as the formula has it. */
export function savedWeight(name: string, shape: Shape): Float32Array {
  const values = formulaWeight(name, shape);
  if (name.includes('LandmarkHead')) return values.map((value) => 50 * value);
  return name.endsWith('.running_var') ? values.map((value) => value + 1) : values;
}

/**
 * Writes the weights of a graph's network to a file.
 * @param prefix before each key
 * @param only parameters whose full names begin so
 */
export async function saveNetwork(
  file: string,
  outputs: Iterable<Value>,
  {
    prefix = '',
    weight = savedWeight,
    only = '',
  }: { prefix?: string; weight?: typeof savedWeight; only?: string } = {},
): Promise<void> {
  const own = [...parametersOf(outputs)].filter(([name]) => name.startsWith(only));
  const params = own.map(([name, { shape }]) => ({
    name: prefix + name.slice('net/'.length),
    shape,
    data: weight(name, shape),
  }));
  await writeFile(file, Buffer.concat([...encodeTorchArchive({ params })]));
}
