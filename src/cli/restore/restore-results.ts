/** From what was restored to the bytes of its results, and a report of them. */

import { type BytePixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { sideBySide } from '../../image/side-by-side.ts';
import { layOnWhite } from '../../image/transparency.ts';
import { encodeImage, listLostIn } from '../../platform/node/picture/encode-image.ts';
import type { ImageFile } from '../../platform/node/picture/image-file.ts';
import { type FaceReport, reportFaces } from '../../restore/photo/face-report.ts';
import { inputOfSubject, type LaidSubject } from '../../restore/photo/restore-subject.ts';
import type { OutputFile } from '../terminal/output-files.ts';
import type { RestoreSettings } from './restore-settings.ts';
import { type RestoredPicture, samplesOf } from './restored-picture.ts';

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

/**
 * Encodes what was restored; writes nothing.
 * @param bytes of the input
 */
export async function encodeResults(
  file: OutputFile,
  bytes: Uint8Array,
  { image, subject, results: [first, ...others] }: RestoredPicture,
  { image: { photo }, metadata }: Pick<RestoreSettings, 'image' | 'metadata'>,
): Promise<{ report: Omit<FileReport, 'ms'>; results: Result[] }> {
  const enlarged = subject.kind === 'photo' ? photo.upscale : 1;
  const encoding = { metadata, original: bytes, enlarged };
  const result = await encode(image, first.laid, file, encoding);
  const results = [{ path: file.path, bytes: result }];
  if (file.comparison !== undefined) {
    const input = inputOfSubject(image, first.restored, photo);
    results.push({ path: file.comparison, bytes: await compare(image, input, first.laid, file) });
  }
  const notes = [...first.notes];
  const samples = samplesOf(file, first);
  for (const [i, { seed, path }] of samples.entries()) {
    const next = others[i]!;
    results.push({ path, bytes: await encode(image, next.laid, file, encoding) });
    notes.push(...next.notes.slice(1).map((note) => `seed ${seed}, ${note}`));
  }
  const lost = listLostIn(file.format, metadata === 'strip' ? { ...image, metadata: {} } : image);
  const report: FileReport = {
    ...nothingDone,
    input: file.input.path,
    status: first.laid.untouched ? 'unchanged' : 'done',
    output: file.path,
    comparison: file.comparison ?? null,
    samples: samples.map(({ path }) => path),
    faces: reportFaces(subject, first.restored),
    // A copy has lost nothing.
    dropped: result === bytes ? [] : [...image.dropped, ...lost],
    notes: [...(result === bytes ? [] : image.notes), ...notes, ...file.notes],
  };
  return { report, results };
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
