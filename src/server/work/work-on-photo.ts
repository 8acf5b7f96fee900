/** One job's work: from the bytes of a photo to the bytes of its result, and a report. */

import { encodeImage, listLostIn, requireEncodable } from '../../platform/node/picture/encode-image.ts';
import { decodeImage, type ImageFile } from '../../platform/node/picture/image-file.ts';
import type { ImageFormat } from '../../platform/node/picture/image-format.ts';
import { reportFaces, reportFound } from '../../restore/photo/face-report.ts';
import { findSubject, type PhotoTools, type Subject } from '../../restore/photo/find-subject.ts';
import { type LaidSubject, laySubject, restoreSubject } from '../../restore/photo/restore-subject.ts';
import { JobError, type JobOutcome, type JobProblem, type JobProgress } from '../job/job.ts';
import type { RestorationOptions } from '../job/restoration-options.ts';
import type { PhotoLimits, WorkRequest } from './messages.ts';

export interface PhotoWork {
  readonly outcome: JobOutcome;
  /** absent of a detection */
  readonly result?: Uint8Array;
}

/**
 * Restores the faces of a photo, or only finds them.
 * @throws {JobError} if the photo cannot be read, or is beyond the limits; other errors are the service's own
 */
export async function workOnPhoto(
  { kind, options, photo: bytes }: WorkRequest,
  tools: PhotoTools,
  { maxPixels, maxFaces }: PhotoLimits,
  onProgress: (progress: JobProgress) => void,
): Promise<PhotoWork> {
  const seconds: Record<string, number> = {};
  const timed = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    seconds[stage] = Math.round(performance.now() - start) / 1000;
    return result;
  };
  const image = await timed('decode', () =>
    blaming('unreadable-picture', decodeImage(bytes, { deep: true, maxPixels })),
  );
  const { width, height } = image.pixels;
  const { format, upscale = 1, aligned, force, faces, box, minSize, minScore } = options;
  const written: ImageFormat = format === undefined || format === 'input' ? formatOf(image) : format;
  const enlarged = { width: width * upscale, height: height * upscale };
  if (!aligned) {
    if (enlarged.width * enlarged.height > maxPixels)
      throw tooLarge(
        `the result would have ${enlarged.width} x ${enlarged.height} pixels, and ${maxPixels} are the most`,
      );
    await blaming('too-large', async () => requireEncodable(enlarged, written));
  }
  onProgress({ fraction: 0.02, label: 'looking for faces' });
  const subject = await timed('find', () =>
    blaming(
      'no-such-face',
      findSubject(image.pixels, tools, {
        ...(faces && { indices: faces }),
        ...(box && { boxes: box }),
        minSize,
        minScore,
        aligned,
        upscale,
        force,
      }),
    ),
  );
  if (subject.kind === 'photo' && subject.faces.length > maxFaces)
    throw new JobError({
      code: 'too-many-faces',
      detail: `the photo shows ${subject.faces.length} faces, and ${maxFaces} are the most; choose some by their numbers, or a larger minSize`,
    });
  if (kind === 'detection') return { outcome: { width, height, ...detected(subject), seconds } };
  const restored = await timed('restore', () =>
    blaming(
      'unsupported-option',
      restoreSubject(image, subject, tools, {
        ...sampling(options),
        onProgress: ({ label, fraction }) => onProgress({ fraction: 0.1 + 0.85 * fraction, label }),
      }),
    ),
  );
  onProgress({ fraction: 0.95, label: 'writing the result' });
  const laid = await timed('lay', () => laySubject(image, restored, sampling(options)));
  const keep = options.metadata !== 'strip';
  const result = await timed('encode', () =>
    encode(image, laid, written, { keep, upscale, original: bytes }),
  );
  const lost = listLostIn(written, keep ? image : { ...image, metadata: {} });
  return {
    result,
    outcome: {
      width,
      height,
      faces: reportFaces(subject, restored),
      notes: [
        ...image.notes,
        ...(laid.untouched ? ['nothing was restored: the result is the photo'] : []),
        ...[...image.dropped, ...lost].map((what) => `left out: ${what}`),
      ],
      result: { mediaType: `image/${written}`, bytes: result.length },
      seconds,
    },
  };
}

function sampling(options: RestorationOptions) {
  const { strength, upscale, color, colorFix, seed, steps, startStep, fidelity, force } = options;
  return { strength, upscale, color, colorFix, seed, steps, startStep, fidelity, force };
}

/** As the command line: a GIF has too few colours for a restored face. */
function formatOf({ format }: ImageFile): ImageFormat {
  return format === 'gif' ? 'png' : format;
}

function detected(subject: Subject): Pick<JobOutcome, 'faces' | 'notes'> {
  if (subject.kind === 'aligned')
    return { faces: null, notes: ['the picture is one aligned face: all of it would be restored'] };
  return { faces: subject.faces.map(reportFound), notes: [] };
}

/** Untouched photos stay so to the byte, unless they have to change. */
async function encode(
  { format, look, metadata }: ImageFile,
  { pixels, alpha, untouched }: LaidSubject,
  written: ImageFormat,
  {
    keep,
    upscale,
    original,
  }: { readonly keep: boolean; readonly upscale: number; readonly original: Uint8Array },
): Promise<Uint8Array> {
  if (untouched && keep && written === format) return original;
  return encodeImage(pixels, written, { ...look, alpha, enlarged: upscale, ...(keep && { metadata }) });
}

function tooLarge(detail: string): JobError {
  return new JobError({ code: 'too-large', detail });
}

/** Errors of this work are the sender's to mend, and their words are for the sender. */
async function blaming<T>(code: JobProblem['code'], work: Promise<T> | (() => Promise<T>)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work);
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof SyntaxError || code === 'unreadable-picture'))
      throw cause;
    throw new JobError({ code, detail: (cause as Error).message }, { cause });
  }
}
