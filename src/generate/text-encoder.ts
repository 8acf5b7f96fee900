/** Texts as conditions: a model's tokenizer and CLIP text tower. */
import { z } from 'zod';
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { because } from '../failure/failure.ts';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { buildClipText, clipTextConfigSchema, unusedClipTextWeights } from '../models/clip-text/clip-text.ts';
import { type ClipTokenizer, createClipTokenizer } from '../models/clip-text/clip-tokenizer.ts';
import { matchStored } from '../models/match-stored.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { parseConfig } from '../restore/checkpoint.ts';
import type { CheckpointStore } from '../restore/checkpoint-store.ts';
import { findWeights } from '../restore/find-weights.ts';
import { type Runtime, withSession } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { GeneratorModel } from './generator-models.ts';

/** A text as a UNet takes it. */
export interface EncodedText {
  /** [1, L, E]: the tower's last hidden states after its final norm. */
  readonly embedding: HostTensor;
  /** Whether the text had more tokens than the tower takes, and was cut. */
  readonly truncated: boolean;
}

/** The id that fills up short texts where it is not the end: Stable Diffusion 2's tokenizer takes `!`. */
const paddings: { readonly [Model in GeneratorModel]?: number } = { 'sd-turbo': 0 };

/**
 * What a model's text tower makes of texts; the empty one is the null text. The tower is loaded for it alone.
 * @throws {CheckpointError} naming what is missing or does not fit
 */
export async function encodeTexts(
  store: CheckpointStore,
  model: GeneratorModel,
  texts: readonly string[],
  runtime: Runtime,
): Promise<EncodedText[]> {
  const folder = `${model}/text_encoder`;
  const file = `${folder}/config.json`;
  const json = await store.readJson(file);
  const names = ['model.safetensors', 'model.fp16.safetensors', 'pytorch_model.bin'];
  const stored = await findWeights(
    store,
    names.map((name) => `${folder}/${name}`),
  );
  if (json === undefined) throw missing(store, model, file);
  if (!stored) throw missing(store, model, `${folder}/${names[0]}`);
  const config = parseConfig(clipTextConfigSchema, json, file);
  const length = config.max_position_embeddings;
  const tokenizer = await openTokenizer(store, model, length);
  const { last } = buildClipText(parameterScope('text'), config, input('ids', [1, length]));
  const place = { tensors: stored.tensors, file: `${store.name}/${stored.path}` };
  const bind = await matchStored([last], 'text', place, 'CLIP text tower', unusedClipTextWeights);
  return withSession(runtime, emitModel('text tower', { last }, bind), async (session) => {
    const encoded: EncodedText[] = [];
    for (const text of texts) {
      const { ids, truncated } = tokenizer.tokens(text);
      const beyond = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocab_size);
      if (beyond !== undefined)
        throw new CheckpointError(
          `its token ${beyond} is beyond the ${config.vocab_size} of the text tower: they do not belong together`,
          { file: `${store.name}/${model}/tokenizer/vocab.json` },
        );
      const { last: states } = await session.run({ ids: hostTensor([1, length], Float32Array.from(ids)) });
      encoded.push({ embedding: hostTensor(states!.shape, states!.data.slice()), truncated });
    }
    return encoded;
  });
}

const vocabularySchema = z.record(z.string(), z.number());

async function openTokenizer(
  store: CheckpointStore,
  model: GeneratorModel,
  length: number,
): Promise<ClipTokenizer> {
  const [vocabularyFile, mergesFile] = [`${model}/tokenizer/vocab.json`, `${model}/tokenizer/merges.txt`];
  const json = await store.readJson(vocabularyFile);
  if (json === undefined) throw missing(store, model, vocabularyFile);
  const merges = await store.readText(mergesFile);
  if (merges === undefined) throw missing(store, model, mergesFile);
  const vocabulary = parseConfig(vocabularySchema, json, vocabularyFile);
  try {
    return createClipTokenizer({ vocabulary, merges }, { length, padding: paddings[model] });
  } catch (cause) {
    throw new CheckpointError(`${(cause as Error).message}. Copy both again from one place`, {
      file: `${store.name}/${vocabularyFile}`,
      cause,
    });
  }
}

function missing(store: CheckpointStore, model: GeneratorModel, file: string): CheckpointError {
  return because(
    new CheckpointError(
      `it has no ${file}, and a text is turned into a condition by text tower and tokenizer`,
      {
        file: store.name,
      },
    ),
    { code: 'no-text-encoder', model, folder: store.name },
  );
}
