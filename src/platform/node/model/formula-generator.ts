/** A text-to-image model of formula weights in the released layout: to try commands on without the released files. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
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
import { parameterScope } from '../../../nn/parameter-scope.ts';
import { makeFolder } from '../files/make-folder.ts';
import { makeWholeFolder } from '../files/whole-folder.ts';
import { writeFormulaWeights } from './write-formula-weights.ts';

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
  await makeWholeFolder(target, (temporary) => fillGenerator(temporary, model, json, onProgress));
}

async function fillGenerator(
  folder: string,
  model: GeneratorModel,
  json: GeneratorJson,
  onProgress: (message: string) => void,
): Promise<void> {
  const writeJson = async (file: string, content: unknown): Promise<void> => {
    await makeFolder(path.dirname(path.join(folder, file)));
    await writeFile(path.join(folder, file), JSON.stringify(content, null, 2));
  };
  const writeWeights = async (file: string, outputs: readonly Value[]): Promise<void> => {
    onProgress(`making ${model}/${file}`);
    const shapes = [...parametersOf(outputs)].map(([name, { shape }]) => [name, shape] as const);
    await writeFormulaWeights(path.join(folder, file), new Map(shapes));
  };
  const { text, ...configs } = parseGeneratorConfigs(json);
  const contextLength = text.max_position_embeddings;
  const size = { imageSize: trainedImageSize(configs), contextLength };
  const { unet, decode } = buildGenerationGraphs(configs, size);
  const { last } = buildClipText(parameterScope('text'), text, input('ids', [1, contextLength]));
  await writeJson('unet/config.json', json.unet);
  await writeJson('vae/config.json', json.vae);
  await writeJson('text_encoder/config.json', json.text);
  await writeJson('scheduler/scheduler_config.json', schedulers[model]);
  await writeJson('tokenizer/vocab.json', bytesVocabulary(text.vocab_size));
  await writeFile(path.join(folder, 'tokenizer/merges.txt'), '#version: 0.2\n');
  await writeWeights('unet/diffusion_pytorch_model.safetensors', Object.values(unet));
  await writeWeights('vae/diffusion_pytorch_model.safetensors', [
    buildLatentGraph(configs.vae, size.imageSize),
    ...Object.values(decode),
  ]);
  await writeWeights('text_encoder/model.safetensors', [last]);
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
