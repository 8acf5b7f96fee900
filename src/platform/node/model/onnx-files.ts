/** ONNX files of restorers: read, checked, and what is told about them in a small JSON file beside. */
import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { checkModel, type ExternalBytes } from '../../../graph/onnx/check-model.ts';
import { readModel } from '../../../graph/onnx/read-model.ts';
import { createOnnxRestorer, type OnnxFile } from '../../../restore/onnx/create-onnx-restorer.ts';
import { parseRestorerConfig, type RestorerConfig } from '../../../restore/onnx/restorer-config.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import { fileLimits } from '../../../tensor/file-limits.ts';
import { availableMemory } from '../engine/memory-mode.ts';
import type { NodeRuntimeOptions } from '../engine/node-runtime.ts';
import { createWorkerRuntime } from '../engine/worker-runtime.ts';
import { explainSystemError } from '../files/system-error.ts';

export interface OnnxRestorerOptions extends NodeRuntimeOptions {
  /** What is told about the file, beside what the JSON file next to it says. */
  readonly onnx?: RestorerConfig;
}

/** Whether a path is that of an ONNX file, by its name. */
export function isOnnxName(file: string): boolean {
  return /\.onnx$/i.test(file);
}

/**
 * Loads a restorer of any making; steps, memory modes and encoders are of no meaning to it. Operations of other
 * libraries are not loaded, and data beside the file stay inside its folder.
 * @throws {CheckpointError} if the file is damaged or refused, RangeError if something must be told about it
 */
export async function loadOnnxRestorer(
  file: string,
  { device, threads, onnx }: OnnxRestorerOptions = {},
): Promise<Restorer> {
  const config = await readRestorerConfig(file, onnx);
  const opened = await openOnnxFile(file);
  const runtime = await createWorkerRuntime({ device, threads });
  return createOnnxRestorer(runtime, opened, config);
}

/** `codeformer.json` beside `codeformer.onnx`. */
function configFile(file: string): string {
  return file.replace(/\.onnx$/i, '.json');
}

/**
 * What the JSON file beside an ONNX file says, if there is one.
 * @param given what it does not say, or says otherwise
 * @throws {CheckpointError} if it says something else
 */
export async function readRestorerConfig(file: string, given: RestorerConfig = {}): Promise<RestorerConfig> {
  const beside = configFile(file);
  const status = await stat(beside).catch(() => undefined);
  if (!status?.isFile()) return given;
  try {
    if (status.size > fileLimits.jsonBytes) throw new SyntaxError('it is too large');
    const told = parseRestorerConfig(JSON.parse(await readFile(beside, 'utf8')), 'it');
    return { ...told, ...given, inputs: { ...told.inputs, ...given.inputs } };
  } catch (cause) {
    throw new CheckpointError((cause as Error).message, { file: beside, cause });
  }
}

/** Reads a file and checks it, before anything of it is run. @throws {CheckpointError} */
export async function openOnnxFile(file: string): Promise<OnnxFile> {
  const refuse = (cause: unknown): never => {
    throw new CheckpointError((cause as Error).message, { file, cause });
  };
  const status = await stat(file).catch((cause: Error) => refuse(new Error(explainSystemError(cause))));
  if (!status.isFile()) refuse(new Error('it is a folder'));
  if (status.size > fileLimits.onnx.bytes)
    refuse(new Error(`it has ${status.size} bytes; an ONNX file has at most ${fileLimits.onnx.bytes}`));
  const bytes = await readFile(file);
  const folder = path.dirname(path.resolve(file));
  try {
    const contents = readModel(bytes);
    const external = checkModel(contents);
    await checkExternal(external, folder);
    requireMemory(bytes.length + external.reduce((sum, { length }) => sum + length, 0));
    return { name: path.basename(file), bytes, contents, folder };
  } catch (cause) {
    return refuse(cause);
  }
}

/** @throws {RangeError} if data lies outside the folder, by links too, or beyond a file's end */
async function checkExternal(external: readonly ExternalBytes[], folder: string): Promise<void> {
  const home = await realpath(folder);
  const sizes = new Map<string, number>();
  for (const { tensor, location, offset, length } of external) {
    if (!sizes.has(location)) {
      const place = await realpath(path.join(folder, location)).catch(() => undefined);
      if (place === undefined)
        throw new RangeError(`tensor ${JSON.stringify(tensor)} lies in ${location}, which is not there`);
      const below = path.relative(home, place);
      if (below.startsWith('..') || path.isAbsolute(below))
        throw new RangeError(
          `tensor ${JSON.stringify(tensor)} lies in ${location}, which leads out of the folder`,
        );
      const status = await stat(place);
      sizes.set(location, status.isFile() ? status.size : -1);
    }
    if (offset + length > sizes.get(location)!)
      throw new RangeError(
        `tensor ${JSON.stringify(tensor)} has ${length} bytes at ${offset} of ${location}, which is shorter`,
      );
  }
}

/** Weights are in memory about three times while a model is loaded: as a file, parsed, and laid out to be computed with. */
function requireMemory(bytes: number): void {
  const [needed, free] = [3 * bytes, availableMemory()];
  if (needed > free)
    throw new RangeError(
      `its weights need about ${(needed / 1e9).toFixed(1)} GB of memory to load, and ${(free / 1e9).toFixed(1)} GB are free`,
    );
}
