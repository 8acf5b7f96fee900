import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import type { Shape } from '../../../graph/value.ts';
import { keyOf } from '../../../nn/parameter-scope.ts';
import { formulaWeight } from '../../../verify/formula.ts';

/** Writes a network's formula weights under its checkpoint keys, tensor by tensor. @param shapes by full name */
export async function writeFormulaWeights(file: string, shapes: ReadonlyMap<string, Shape>): Promise<void> {
  const inputs = [...shapes].map(([name, shape]) => ({
    name: keyOf(name),
    dtype: 'float32' as const,
    shape,
    data: async () => formulaWeight(name, shape),
  }));
  const chunks = Readable.from(encodeSafetensors(inputs), { objectMode: true, highWaterMark: 1 });
  await pipeline(chunks, createWriteStream(file));
}
