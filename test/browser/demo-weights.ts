import { encodeSafetensors } from '../../src/checkpoint/safetensors-writer.ts';
import { keyOf } from '../../src/nn/parameter-scope.ts';
import { blobCheckpointStore, type WeightStore } from '../../src/restore/blob-checkpoint-store.ts';
import { formulaFiles, formulaWeight, microSpec } from '../../src/verify/formula.ts';

/** A very small model of random weights by formula: it shows that the engine works, and restores nothing. */
export async function demoWeights(): Promise<WeightStore> {
  const { configs, weights } = formulaFiles(microSpec);
  const files = new Map<string, Blob>();
  for (const [path, json] of Object.entries(configs)) files.set(path, new Blob([JSON.stringify(json)]));
  for (const [path, tensors] of Object.entries(weights)) {
    const inputs = [...tensors].map(([name, shape]) => ({
      name: keyOf(name),
      dtype: 'float32' as const,
      shape,
      data: async () => formulaWeight(name, shape),
    }));
    const chunks: BlobPart[] = [];
    for await (const chunk of encodeSafetensors(inputs)) chunks.push(chunk as Uint8Array<ArrayBuffer>);
    files.set(path, new Blob(chunks));
  }
  return blobCheckpointStore('demo weights', async (path) => files.get(path));
}
