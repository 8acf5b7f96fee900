/** A text-to-image model of formula weights in the released layout: to try commands on without the released files. */
import { createWriteStream } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import {
  buildGenerationGraphs,
  buildLatentGraph,
  trainedImageSize,
} from '../../../generate/generation-graphs.ts';
import type { GeneratorModel } from '../../../generate/generator-models.ts';
import { type GeneratorJson, parseGeneratorConfigs } from '../../../generate/published-configs.ts';
import { parametersOf } from '../../../graph/graph.ts';
import { input } from '../../../graph/ops.ts';
import type { Value } from '../../../graph/value.ts';
import { buildClipText } from '../../../models/clip-text/clip-text.ts';
import { keyOf, parameterScope } from '../../../nn/parameter-scope.ts';
import { formulaWeight } from '../../../verify/formula.ts';
import { makeFolder } from '../files/make-folder.ts';

const schedulers = {
  lcm: { _class_name: 'LCMScheduler' },
  'sd-turbo': { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'trailing' },
};

/** @param folder of the checkpoint; the model's own folder in it appears as a whole, unless it is there */
export async function makeFormulaGenerator(
  folder: string,
  model: GeneratorModel,
  json: GeneratorJson,
  onProgress: (message: string) => void = () => {},
): Promise<void> {
  const target = path.join(folder, model);
  if (await stat(target).catch(() => undefined)) return;
  const temporary = `${target}.${process.pid}.tmp`;
  const writeJson = async (file: string, content: unknown): Promise<void> => {
    await makeFolder(path.dirname(path.join(temporary, file)));
    await writeFile(path.join(temporary, file), JSON.stringify(content, null, 2));
  };
  const writeWeights = async (file: string, outputs: readonly Value[]): Promise<void> => {
    onProgress(`making ${model}/${file}`);
    const inputs = [...parametersOf(outputs)].map(([name, { shape }]) => ({
      name: keyOf(name),
      dtype: 'float32' as const,
      shape,
      data: async () => formulaWeight(name, shape),
    }));
    const chunks = Readable.from(encodeSafetensors(inputs), { objectMode: true, highWaterMark: 1 });
    await pipeline(chunks, createWriteStream(path.join(temporary, file)));
  };
  const { text, ...configs } = parseGeneratorConfigs(json);
  const contextLength = text.max_position_embeddings;
  const size = { imageSize: trainedImageSize(configs), contextLength };
  const { unet, decode } = buildGenerationGraphs(configs, size);
  const { last } = buildClipText(parameterScope('text'), text, input('ids', [1, contextLength]));
  try {
    await writeJson('unet/config.json', json.unet);
    await writeJson('vae/config.json', json.vae);
    await writeJson('text_encoder/config.json', json.text);
    await writeJson('scheduler/scheduler_config.json', schedulers[model]);
    await writeJson('tokenizer/vocab.json', bytesVocabulary(text.vocab_size));
    await writeFile(path.join(temporary, 'tokenizer/merges.txt'), '#version: 0.2\n');
    await writeWeights('unet/diffusion_pytorch_model.safetensors', Object.values(unet));
    await writeWeights('vae/diffusion_pytorch_model.safetensors', [
      buildLatentGraph(configs.vae, size.imageSize),
      ...Object.values(decode),
    ]);
    await writeWeights('text_encoder/model.safetensors', [last]);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** CLIP's vocabulary without merges: every sign of one byte, alone and ending a word; start and end come last. */
function bytesVocabulary(size: number): Record<string, number> {
  const signs = Array.from({ length: 94 }, (_, i) => String.fromCodePoint(0x21 + i));
  const entries = [...signs, ...signs.map((sign) => `${sign}</w>`)];
  return {
    ...Object.fromEntries(entries.map((token, id) => [token, id])),
    '<|startoftext|>': size - 2,
    '<|endoftext|>': size - 1,
  };
}
