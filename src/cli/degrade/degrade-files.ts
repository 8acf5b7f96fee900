/** Makes pairs of files, some at a time; a bad one is reported and the others are made. */

import { appendFile, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { crc32 } from '../../checkpoint/crc32.ts';
import {
  type DegradationDraws,
  type DegradationPreset,
  degradationPresets,
  degrade,
  drawDegradation,
  scaleDegradation,
} from '../../image/degradation.ts';
import { toBytePixels } from '../../image/pixels.ts';
import { centerCrop, cropSquare, resizeSquare } from '../../image/square-crop.ts';
import { layOnWhite } from '../../image/transparency.ts';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { findInputFiles } from '../../platform/node/files/input-files.ts';
import { makeFolder } from '../../platform/node/files/make-folder.ts';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import { roundTripJpeg } from '../../platform/node/picture/jpeg.ts';
import { RandomStream } from '../../random/random-stream.ts';
import { adviseOn, withAdvice } from '../terminal/advice.ts';
import { planOutputFiles, refuseToOverwriteInputs } from '../terminal/output-files.ts';
import { formatDuration, Progress, type ProgressStream } from '../terminal/progress.ts';

export interface DegradeSettings {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly preset: DegradationPreset;
  readonly seed: number;
  readonly size: number;
  readonly recursive: boolean;
  readonly overwrite: boolean;
}

export interface DegradeEnvironment {
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** A line of `degradation.jsonl`: `degrade(hq/file, draws)` is lq/file. */
export interface PairRecord {
  /** its place in `hq` and `lq`, with `/` between folders */
  readonly file: string;
  readonly preset: DegradationPreset;
  readonly seed: number;
  readonly size: number;
  readonly draws: DegradationDraws;
}

interface Pair {
  readonly file: string;
  readonly input: string;
  readonly high: string;
  readonly low: string;
}

/** While one picture is degraded, others are read and written. */
const atOnce = 3;

/**
 * Makes the pairs that are not there yet.
 * @returns whether all are there
 * @throws {UsageError} if a result would replace an input; the signal's reason if it is aborted
 */
export async function degradeFiles(
  settings: DegradeSettings,
  { stderr, signal }: DegradeEnvironment,
): Promise<boolean> {
  const startedMs = performance.now();
  const found = await findInputFiles(settings.inputs, {
    recursive: settings.recursive,
    outputFolder: settings.output,
  });
  const pairs = await planPairs(found.files, settings.output);
  const recordFile = join(settings.output, 'degradation.jsonl');
  const records = await readRecords(recordFile);
  const missing: Pair[] = [];
  const kept: PairRecord[] = [];
  for (const pair of pairs) {
    const record = settings.overwrite ? undefined : records.get(pair.file);
    if (record && (await isThere(pair))) kept.push(record);
    else missing.push(pair);
  }

  const progress = new Progress(stderr, { total: missing.length });
  const failures = found.problems.map(({ message, failure }) => withAdvice(message, failure));
  let made = 0;
  let next = 0;
  const makeOnwards = async (): Promise<void> => {
    while (next < missing.length && !signal.aborted) {
      const pair = missing[next++]!;
      try {
        const record = await makePair(pair, settings);
        records.set(record.file, record);
        // At once, so that what is made counts as made whatever ends the process.
        await appendFile(recordFile, `${JSON.stringify(record)}\n`);
        progress.update(++made, pair.file);
      } catch (error) {
        progress.total--;
        failures.push(adviseOn(error));
        progress.line(`${pair.input}: failed`);
      }
    }
  };
  if (missing.length > 0) await makeFolder(settings.output);
  await Promise.all(Array.from({ length: atOnce }, makeOnwards));
  if (made > 0) await writeFileAtomically(recordFile, formatRecords(records));

  progress.close();
  progress.line(
    `${made} of ${missing.length} pairs made in ${formatDuration(performance.now() - startedMs)}`,
  );
  if (kept.length > 0) progress.line(describeKept(kept, settings));
  for (const failure of failures) progress.line(`  ${failure}`);
  signal.throwIfAborted();
  return failures.length === 0;
}

async function planPairs(
  inputs: Awaited<ReturnType<typeof findInputFiles>>['files'],
  output: string,
): Promise<Pair[]> {
  const requests = inputs.map((input) => ({ input, format: 'png' as const }));
  const [high, low] = ['hq', 'lq'].map((name) =>
    planOutputFiles(requests, { folder: join(output, name), comparison: false }),
  ) as [ReturnType<typeof planOutputFiles>, ReturnType<typeof planOutputFiles>];
  await refuseToOverwriteInputs([...high, ...low]);
  return high.map(({ input, path }, i) => ({
    file: relative(join(output, 'hq'), path).replaceAll('\\', '/'),
    input: input.path,
    high: path,
    low: low[i]!.path,
  }));
}

async function makePair(pair: Pair, { preset, seed, size }: DegradeSettings): Promise<PairRecord> {
  const pixels = layOnWhite(await readImageFile(pair.input));
  const high = toBytePixels(resizeSquare(cropSquare(pixels, centerCrop), size));
  // Drawn by name: more pictures beside it change nothing.
  const stream = new RandomStream(seed, [crc32(new TextEncoder().encode(pair.file))]);
  const draws = scaleDegradation(drawDegradation(stream, degradationPresets[preset]), size);
  const low = await degrade(high, draws, roundTripJpeg);
  await writeFileAtomically(pair.high, await encodeImage(high, 'png'));
  await writeFileAtomically(pair.low, await encodeImage(low, 'png'));
  return { file: pair.file, preset, seed, size, draws };
}

async function isThere({ high, low }: Pair): Promise<boolean> {
  const found = await Promise.all([high, low].map((path) => stat(path).catch(() => undefined)));
  return found.every((status) => status?.isFile() ?? false);
}

/** By file; the last line about a file counts. A line that was cut off does not. */
async function readRecords(path: string): Promise<Map<string, PairRecord>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new Error(`Cannot read ${path}: ${explainSystemError(error)}`, { cause: error });
  });
  const records = new Map<string, PairRecord>();
  for (const line of text.split('\n'))
    try {
      const record = JSON.parse(line) as PairRecord | null;
      if (typeof record?.file === 'string') records.set(record.file, record);
    } catch {}
  return records;
}

function formatRecords(records: ReadonlyMap<string, PairRecord>): string {
  const sorted = [...records.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  return sorted.map((record) => `${JSON.stringify(record)}\n`).join('');
}

function describeKept(kept: readonly PairRecord[], { preset, seed, size }: DegradeSettings): string {
  const others = kept.filter((pair) => pair.preset !== preset || pair.seed !== seed || pair.size !== size);
  const settings = others.length > 0 ? `, ${others.length} of them made with other settings` : '';
  return `${kept.length} were there already${settings}; --overwrite makes them anew`;
}
