/** From one file to the bytes of its results, and a report of them. */

import { type BytePixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { sideBySide } from '../../image/side-by-side.ts';
import { layOnWhite, whitenUnseen } from '../../image/transparency.ts';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { encodeImage, listLostIn, requireEncodable } from '../../platform/node/picture/encode-image.ts';
import { decodeImageOf, type ImageFile, readImageFile } from '../../platform/node/picture/image-file.ts';
import { type FaceReport, reportFaces } from '../../restore/photo/face-report.ts';
import { paintOn } from '../../restore/photo/fill-in.ts';
import { findSubject, type PhotoTools } from '../../restore/photo/find-subject.ts';
import type { Enlarge, LayOptions } from '../../restore/photo/photo-options.ts';
import {
  inputOfSubject,
  type LaidSubject,
  laySubject,
  type RestoredSubject,
  restoreSubject,
} from '../../restore/photo/restore-subject.ts';
import type { RestoreOptions } from '../../restore/restorer.ts';
import type { UpscaleOptions, Upscaler } from '../../restore/upscaler.ts';
import { untilAborted } from '../terminal/interruption.ts';
import type { OutputFile } from '../terminal/output-files.ts';
import { describePicture } from './describe-picture.ts';
import type { ImageSettings, RestoreSettings } from './restore-settings.ts';

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

interface ResultOptions {
  readonly signal: AbortSignal;
  /** @param fraction 0..1 of all results of the file */
  readonly onProgress: (what: string, fraction: number) => void;
}

/** Networks of a command. */
interface ResultTools extends PhotoTools {
  /** undefined where none is asked for */
  upscaler(): Promise<Upscaler | undefined>;
}

/** Where a network enlarges the photo as well, the faces' share of the first result's time. */
const facesShare = 0.5;

/**
 * Restores a picture, once for each seed; writes nothing.
 * @param bytes of the input
 * @throws {Error} naming the file, or the signal's reason
 */
export async function makeResults(
  file: OutputFile,
  bytes: Uint8Array,
  { sampling, image: settings, metadata }: Pick<RestoreSettings, 'sampling' | 'image' | 'metadata'>,
  tools: ResultTools,
  { signal, onProgress }: ResultOptions,
): Promise<{ report: Omit<FileReport, 'ms'>; results: Result[] }> {
  const image = await decodeImageOf(file.input.path, bytes, { deep: true, incomplete: true });
  const runs = 1 + file.samples.length;
  requireResultFits(image, file, settings);
  const show = (run: number, what: string, fraction: number): void =>
    onProgress(what, (run + fraction) / runs);
  const within = <T>(work: Promise<T>): Promise<T> =>
    untilAborted(work, signal).catch((cause: unknown) => {
      throw new Error(`Cannot restore ${file.input.path}: ${explainSystemError(cause)}`, { cause });
    });
  const { photo } = settings;
  const paint = await within(readPaint(image, settings.inpaint));
  const seen = whitenUnseen(image.pixels, image.alpha);
  const searching = findSubject(seen, tools, {
    ...settings.selection,
    aligned: settings.aligned,
    upscale: photo.upscale,
    force: photo.force,
    paint,
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
  const laying: LayOptions = { ...photo, background: enlarge ?? photo.background };
  const restoreWith = async (run: number, seed: number | undefined): Promise<RestoredImage> => {
    const share = enlarge && run === 0 ? facesShare : 1;
    const onStep: RestoreOptions['onProgress'] = ({ label, fraction }) => show(run, label, share * fraction);
    const options = { ...photo, ...sampling, seed, signal, onProgress: onStep, paint };
    const restored = await within(restoreSubject(image, subject, tools, options));
    const laid = await within(laySubject(image, restored, laying));
    const notes = describePicture(seen, subject, restored, { paint, color: photo.color });
    return { restored, laid, notes };
  };

  const enlarged = subject.kind === 'photo' ? photo.upscale : 1;
  const encoding = { metadata, original: bytes, enlarged };
  const first = await restoreWith(0, sampling.seed);
  const result = await encode(image, first.laid, file, encoding);
  const results = [{ path: file.path, bytes: result }];
  if (file.comparison !== undefined) {
    const input = inputOfSubject(image, first.restored, photo);
    results.push({ path: file.comparison, bytes: await compare(image, input, first.laid, file) });
  }
  const notes = [...first.notes];
  const samples: string[] = [];
  for (const [i, { seed, path }] of (first.laid.untouched ? [] : file.samples).entries()) {
    const next = await restoreWith(1 + i, seed);
    results.push({ path, bytes: await encode(image, next.laid, file, encoding) });
    samples.push(path);
    notes.push(...next.notes.slice(1).map((note) => `seed ${seed}, ${note}`));
  }
  const lost = listLostIn(file.format, metadata === 'strip' ? { ...image, metadata: {} } : image);
  const report: FileReport = {
    ...nothingDone,
    input: file.input.path,
    status: first.laid.untouched ? 'unchanged' : 'done',
    output: file.path,
    comparison: file.comparison ?? null,
    samples,
    faces: reportFaces(subject, first.restored),
    // A copy has lost nothing.
    dropped: result === bytes ? [] : [...image.dropped, ...lost],
    notes: [...(result === bytes ? [] : image.notes), ...notes, ...file.notes],
  };
  return { report, results };
}

interface RestoredImage {
  readonly restored: RestoredSubject;
  readonly laid: LaidSubject;
  readonly notes: readonly string[];
}

/** What is to be filled in, if anything is. */
async function readPaint(
  image: ImageFile,
  inpaint: ImageSettings['inpaint'],
): Promise<BytePixels | undefined> {
  if (!inpaint) return undefined;
  const { mask } = inpaint;
  return paintOn(image, mask === undefined ? undefined : { ...(await readImageFile(mask)), name: mask });
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
async function enlargeOnce(tools: ResultTools, options: UpscaleOptions): Promise<Enlarge | undefined> {
  const upscaler = await tools.upscaler();
  let made: ReturnType<Enlarge> | undefined;
  return upscaler && ((photo) => (made ??= upscaler.upscale(photo, options)));
}

interface Encoding extends Pick<RestoreSettings, 'metadata'> {
  readonly original: Uint8Array;
  readonly enlarged: number | undefined;
}

/** What is untouched stays so to the byte, unless it has to change its format or lose its metadata. */
async function encode(
  image: ImageFile,
  { pixels, alpha, untouched }: LaidSubject,
  { format }: OutputFile,
  { metadata: kept, original, enlarged }: Encoding,
): Promise<Uint8Array> {
  const keep = kept === 'keep';
  if (untouched && keep && format === image.format) return original;
  const { look, metadata } = image;
  return encodeImage(pixels, format, { ...look, alpha, enlarged, ...(keep && { metadata }) });
}

function compare(
  { look }: ImageFile,
  input: BytePixels,
  { pixels, alpha }: LaidSubject,
  { format }: OutputFile,
): Promise<Uint8Array> {
  const onWhite = (shown: Pixels): BytePixels => layOnWhite({ pixels: toBytePixels(shown), alpha });
  return encodeImage(sideBySide(onWhite(input), onWhite(pixels)), format, look);
}
