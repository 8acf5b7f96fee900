/** Verification from files: a reference directory, or a formula's JSON beside its samples. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { readTensor } from '../../../checkpoint/tensor-file.ts';
import { describeIssues, isSchemaError } from '../../../failure/schema-issues.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import type { MemoryMode } from '../../../restore/stage-models.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { formulaSpecSchema } from '../../../verify/formula.ts';
import { verifyGradients } from '../../../verify/gradients.ts';
import { verifyImageOps } from '../../../verify/image-ops.ts';
import { isMetricsSet } from '../../../verify/metrics/verify-metrics.ts';
import type { VerifyRow } from '../../../verify/report.ts';
import { type ReadTensor, verifyFormula, verifyReference } from '../../../verify/restoration.ts';
import { chooseMemoryMode } from '../engine/memory-mode.ts';
import { weightCache } from '../engine/weight-cache.ts';
import { exists, isFile } from '../files/file-kind.ts';
import { openCheckpointFolder } from '../model/checkpoint-store.ts';
import { formulaFolder, makeFormulaCheckpoint } from '../model/formula-checkpoint.ts';
import { decodeJpeg, encodeJpeg } from '../picture/jpeg.ts';
import { openTensors, readJson } from './reference-files.ts';
import { listMetricsSets, verifyMetricsFile } from './verify-metrics-files.ts';

export interface VerifyOptions {
  readonly memory?: MemoryMode;
  readonly onProgress?: (message: string) => void;
}

/**
 * Verifies against `target`: a directory with reference.json, one of image operations, one of sets of metrics, or the
 * JSON file of one such set or of a formula model.
 * @throws {Error} if it is none of these
 */
export function verifyFiles(
  target: string,
  runtime: Runtime,
  options: VerifyOptions = {},
): AsyncGenerator<VerifyRow> {
  return inWords(target, verifyTarget(target, runtime, options));
}

/** The same rows; what a schema finds wrong is said of `target`. */
async function* inWords(target: string, rows: AsyncIterable<VerifyRow>): AsyncGenerator<VerifyRow> {
  try {
    yield* rows;
  } catch (error) {
    if (!isSchemaError(error)) throw error;
    throw new SyntaxError(
      `Cannot verify ${target}: it is no reference of this kind: ${describeIssues(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function* verifyTarget(
  target: string,
  runtime: Runtime,
  { memory, onProgress }: VerifyOptions,
): AsyncGenerator<VerifyRow> {
  const found = await stat(target).catch(() => undefined);
  if (!found)
    throw new Error(
      `Cannot verify ${target}: there is no such file or directory. Pass a reference directory or a formula's .json`,
    );
  if (found.isDirectory() && !(await exists(path.join(target, 'reference.json')))) {
    const sets = await listMetricsSets(target);
    if (sets.length === 0) yield* verifyImageOpsFolder(target);
    for (const set of sets) yield* verifyMetricsFile(set, runtime, { onProgress, prefix: sets.length > 1 });
    return;
  }
  if (found.isDirectory()) {
    const reference = await readJson(path.join(target, 'reference.json'));
    const folder = path.join(target, 'checkpoint');
    const inputs = await openTensors(path.join(target, 'inputs.safetensors'));
    const expected = await openTensors(path.join(target, 'expected.safetensors'));
    const store = await openCheckpointFolder(folder);
    try {
      const checkpoint = await openCheckpoint(store);
      const options = {
        memory: memory ?? chooseMemoryMode(checkpoint),
        prepare: weightCache(folder, runtime, onProgress),
      };
      yield* verifyReference(
        reference,
        checkpoint,
        runtime,
        inputs.read,
        expected.read,
        expected.names,
        options,
      );
    } finally {
      await store.close();
      await inputs.close();
      await expected.close();
    }
    return;
  }
  const reference = await readJson(target);
  if (isMetricsSet(reference)) {
    yield* verifyMetricsFile(target, runtime, { onProgress });
    return;
  }
  const spec = z.object({ spec: formulaSpecSchema }).parse(reference).spec;
  const samples = await openTensors(target.replace(/\.json$/, '.safetensors'));
  const folder = await formulaFolder(spec);
  await makeFormulaCheckpoint(spec, folder, onProgress);
  const store = await openCheckpointFolder(folder);
  try {
    const checkpoint = await openCheckpoint(store);
    const options = {
      memory: memory ?? chooseMemoryMode(checkpoint),
      prepare: weightCache(folder, runtime, onProgress),
    };
    yield* verifyFormula(reference, checkpoint, runtime, samples.read, options);
  } finally {
    await store.close();
    await samples.close();
  }
}

/** A directory with one JSON file of image operations and the tensors beside it. */
async function* verifyImageOpsFolder(folder: string): AsyncGenerator<VerifyRow> {
  const [json, ...others] = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  if (json === undefined || others.length > 0)
    throw new Error(
      `Cannot verify ${folder}: it holds neither reference.json nor one .json file of image operations`,
    );
  const file = path.join(folder, json);
  const { tensors, close } = await openTensors(file.replace(/\.json$/, '.safetensors'));
  try {
    yield* verifyImageOps(await readJson(file), (name) => readTensor(tensors, name), {
      encodeJpeg,
      decodeJpeg,
    });
  } finally {
    await close();
  }
}

/**
 * Verifies a training step against a reference directory that holds gradients.
 * @throws {Error} if it holds none
 */
export function verifyGradientFiles(target: string, runtime: Runtime): AsyncGenerator<VerifyRow> {
  return inWords(target, verifyGradientTarget(target, runtime));
}

async function* verifyGradientTarget(target: string, runtime: Runtime): AsyncGenerator<VerifyRow> {
  if (await isFile(target))
    throw new Error(`Cannot verify ${target}: it is a file; gradients are in a reference directory`);
  const reference = await readJson(path.join(target, 'reference.json'));
  const folder = path.join(target, 'checkpoint');
  const store = await openCheckpointFolder(folder);
  const opened: Awaited<ReturnType<typeof openTensors>>[] = [];
  const open = async (file: string): Promise<(typeof opened)[number]> => {
    const tensors = await openTensors(file);
    opened.push(tensors);
    return tensors;
  };
  try {
    const inputs = await open(path.join(target, 'inputs.safetensors'));
    const expected = await open(path.join(target, 'gradients.safetensors'));
    const training = async (name: string): Promise<ReadTensor> =>
      (await open(path.join(folder, 'training', `${name}.safetensors`))).read;
    const weights = {
      discriminator: await training('discriminator'),
      vgg: await training('vgg16'),
      lpips: await training('lpips'),
    };
    const checkpoint = await openCheckpoint(store);
    yield* verifyGradients(
      reference,
      checkpoint,
      runtime,
      inputs.read,
      expected.read,
      expected.names,
      weights,
    );
  } finally {
    await store.close();
    for (const tensors of opened) await tensors.close();
  }
}
