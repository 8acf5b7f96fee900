/** From one file to the bytes of its results, and a report of them. */

import { readFile } from 'node:fs/promises';
import { toBytePixels } from '../../image/pixels.ts';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { encodeImage, listLostIn, requireEncodable } from '../../platform/node/picture/encode-image.ts';
import { type ImageFile, readImageFile } from '../../platform/node/picture/image-file.ts';
import type { Enlarge } from '../../restore/restore-photo.ts';
import type { RestoreOptions } from '../../restore/restorer.ts';
import type { UpscaleOptions } from '../../restore/upscaler.ts';
import { untilAborted } from '../terminal/interruption.ts';
import type { OutputFile } from '../terminal/output-files.ts';
import type { FaceReport } from './face-report.ts';
import {
  findSubject,
  type ImageTools,
  type RestoredImage,
  readPaint,
  restoreSubject,
} from './restore-image.ts';
import { sideBySide } from './restore-picture.ts';
import type { RestoreSettings } from './restore-settings.ts';

/** What became of one input. */
export interface FileReport {
  readonly input: string;
  /**
   * 'unchanged': there was nothing to restore, the result is the input; 'kept': an earlier run has done it; 'skipped':
   * the run ended before it, for the reason in the report's `error`
   */
  readonly status: 'done' | 'unchanged' | 'kept' | 'failed' | 'skipped';
  readonly output: string | null;
  readonly comparison: string | null;
  /** results of further seeds */
  readonly samples: readonly string[];
  /** null where the picture was taken as one aligned face */
  readonly faces: readonly FaceReport[] | null;
  readonly error: string | null;
  /** from reading to writing, without the time to load the model */
  readonly ms: number;
  /** what the input holds and the output does not */
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
}

export const nothingDone = {
  output: null,
  comparison: null,
  samples: [],
  faces: null,
  error: null,
  ms: 0,
  dropped: [],
  notes: [],
} as const;

/** A file to be written. */
export interface Result {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface ResultOptions {
  readonly signal: AbortSignal;
  /** @param fraction 0..1 of all results of the file */
  readonly onProgress: (what: string, fraction: number) => void;
}

/** Where a network enlarges the photo as well, the faces' share of the first result's time. */
const facesShare = 0.5;

/**
 * Restores a picture, once for each seed; writes nothing.
 * @throws {Error} naming the file, or the signal's reason
 */
export async function makeResults(
  file: OutputFile,
  { sampling, image: settings, metadata }: Pick<RestoreSettings, 'sampling' | 'image' | 'metadata'>,
  tools: ImageTools,
  { signal, onProgress }: ResultOptions,
): Promise<{ report: Omit<FileReport, 'ms'>; results: Result[] }> {
  const image = await readImageFile(file.input.path, { deep: true });
  const runs = 1 + file.samples.length;
  requireResultFits(image, file, settings);
  const show = (run: number, what: string, fraction: number): void =>
    onProgress(what, (run + fraction) / runs);
  const within = <T>(work: Promise<T>): Promise<T> =>
    untilAborted(work, signal).catch((cause: unknown) => {
      throw new Error(`Cannot restore ${file.input.path}: ${explainSystemError(cause)}`, { cause });
    });
  const paint = await within(readPaint(image, settings.inpaint));
  const searching = findSubject(image, settings, tools, {
    signal,
    onProgress: () => show(0, 'looking for faces', 0),
  });
  const subject = await within(searching);
  const enlarge = await within(
    enlargeOnce(tools, {
      signal,
      onProgress: (fraction) => show(0, 'enlarging the photo', facesShare + (1 - facesShare) * fraction),
    }),
  );
  const restoreWith = (run: number, seed: number | undefined): Promise<RestoredImage> => {
    const share = enlarge && run === 0 ? facesShare : 1;
    const onStep: RestoreOptions['onProgress'] = ({ label, fraction }) => show(run, label, share * fraction);
    const options = { ...sampling, seed, signal, onProgress: onStep, paint, enlarge };
    return within(restoreSubject(image, subject, settings, tools, options));
  };

  const first = await restoreWith(0, sampling.seed);
  const results = [{ path: file.path, bytes: await encode(image, first, file, metadata) }];
  if (file.comparison !== undefined)
    results.push({ path: file.comparison, bytes: await compare(image, first, file) });
  const notes = [...image.notes, ...first.notes];
  const samples: string[] = [];
  for (const [i, { seed, path }] of (first.untouched ? [] : file.samples).entries()) {
    const next = await restoreWith(1 + i, seed);
    results.push({ path, bytes: await encode(image, next, file, metadata) });
    samples.push(path);
    notes.push(...next.notes.slice(1).map((note) => `seed ${seed}, ${note}`));
  }
  const lost = listLostIn(file.format, metadata === 'strip' ? { ...image, metadata: {} } : image);
  const report: FileReport = {
    ...nothingDone,
    input: file.input.path,
    status: first.untouched ? 'unchanged' : 'done',
    output: file.path,
    comparison: file.comparison ?? null,
    samples,
    faces: subject.kind === 'photo' ? first.faces : null,
    dropped: [...image.dropped, ...lost],
    notes: [...notes, ...file.notes],
  };
  return { report, results };
}

/** Before any work: what cannot be written would be restored in vain. */
function requireResultFits(
  { pixels: { width, height } }: ImageFile,
  { input, format, comparison }: OutputFile,
  { aligned, photo: { upscale = 1 } }: RestoreSettings['image'],
): void {
  if (aligned) return;
  const columns = width * upscale * (comparison === undefined ? 1 : 2);
  try {
    requireEncodable({ width: columns, height: height * upscale }, format);
  } catch (cause) {
    throw new Error(`Cannot restore ${input.path}: ${(cause as Error).message}`, { cause });
  }
}

/** By the network that is asked for, if one is; what it made for one seed serves the others. */
async function enlargeOnce(tools: ImageTools, options: UpscaleOptions): Promise<Enlarge | undefined> {
  const upscaler = await tools.upscaler();
  let made: ReturnType<Enlarge> | undefined;
  return upscaler && ((photo) => (made ??= upscaler.upscale(photo, options)));
}

/** What is untouched stays so to the byte, unless it has to change its format or lose its metadata. */
async function encode(
  image: ImageFile,
  restored: RestoredImage,
  { format, input }: OutputFile,
  kept: RestoreSettings['metadata'],
): Promise<Uint8Array> {
  const keep = kept === 'keep';
  if (restored.untouched && keep && format === image.format) return readFile(input.path);
  const { profile, metadata } = image;
  return encodeImage(restored.pixels, format, {
    profile,
    alpha: restored.alpha,
    ...(keep && { metadata }),
  });
}

function compare(
  { profile }: ImageFile,
  restored: RestoredImage,
  { format }: OutputFile,
): Promise<Uint8Array> {
  const both = sideBySide(restored.input, toBytePixels(restored.pixels));
  return encodeImage(both, format, { profile });
}
