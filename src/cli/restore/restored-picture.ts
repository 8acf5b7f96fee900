/** From the bytes of one file to restored pixels: what it shows first, then what the networks make of it. */

import type { BytePixels } from '../../image/pixels.ts';
import { whitenUnseen } from '../../image/transparency.ts';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { requireEncodable } from '../../platform/node/picture/encode-image.ts';
import { decodeImageOf, type ImageFile, readImageFile } from '../../platform/node/picture/image-file.ts';
import { paintOn } from '../../restore/photo/fill-in.ts';
import { findSubject, type PhotoTools, type Subject } from '../../restore/photo/find-subject.ts';
import type { Enlarge, LayOptions } from '../../restore/photo/photo-options.ts';
import {
  type LaidSubject,
  laySubject,
  type RestoredSubject,
  restoreSubject,
} from '../../restore/photo/restore-subject.ts';
import type { RestoreOptions } from '../../restore/restorer.ts';
import type { UpscaleOptions, Upscaler } from '../../restore/upscaler.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import type { OutputFile } from '../terminal/output-files.ts';
import { describePicture } from './describe-picture.ts';
import type { ImageSettings, RestoreSettings } from './restore-settings.ts';

export interface PictureOptions {
  readonly signal: AbortSignal;
  /** @param fraction 0..1 of all results of the file */
  readonly onProgress: (what: string, fraction: number) => void;
}

/** Networks of a command. */
export interface PictureTools extends PhotoTools {
  /** undefined where none is asked for */
  upscaler(): Promise<Upscaler | undefined>;
}

/** Where a network enlarges the photo as well, the faces' share of the first result's time. */
const facesShare = 0.5;

type Settings = Pick<RestoreSettings, 'sampling' | 'image'>;

/** A picture that was read, and what it shows. */
export interface OpenedPicture {
  readonly image: ImageFile;
  /** as it is seen: what is transparent is white */
  readonly seen: BytePixels;
  readonly paint?: BytePixels;
  readonly subject: Subject;
}

/**
 * Decodes a picture and looks for its faces.
 * @param bytes of the input
 * @throws {Error} naming the file, or the signal's reason
 */
export async function openPicture(
  file: OutputFile,
  bytes: Uint8Array,
  { image: settings }: Settings,
  tools: PictureTools,
  { signal, onProgress }: PictureOptions,
): Promise<OpenedPicture> {
  const within = namingFile(file, signal);
  const image = await untilAborted(
    decodeImageOf(file.input.path, bytes, { deep: true, incomplete: true, maxPixels: settings.maxPixels }),
    signal,
  );
  requireResultFits(image, file, settings);
  const paint = await within(readPaint(image, settings));
  const seen = whitenUnseen(image.pixels, image.alpha);
  const searching = findSubject(seen, tools, {
    ...settings.selection,
    aligned: settings.aligned,
    upscale: settings.photo.upscale,
    force: settings.photo.force,
    paint,
    signal,
    onProgress: () => onProgress('looking for faces', 0),
  });
  return { image, seen, paint, subject: await within(searching) };
}

/** A picture whose results are pixels still. */
export interface RestoredPicture extends OpenedPicture {
  /** once for the seed, and for each further one */
  readonly results: readonly [RestoredImage, ...RestoredImage[]];
}

/**
 * Restores a picture, once for each seed.
 * @throws {Error} naming the file, or the signal's reason
 */
export async function restoreOpened(
  file: OutputFile,
  picture: OpenedPicture,
  { sampling, image: { photo } }: Settings,
  tools: PictureTools,
  { signal, onProgress }: PictureOptions,
): Promise<RestoredPicture> {
  const { image, seen, paint, subject } = picture;
  const within = namingFile(file, signal);
  const runs = 1 + file.samples.length;
  const show = (run: number, what: string, fraction: number): void =>
    onProgress(what, (run + fraction) / runs);
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
  const first = await restoreWith(0, sampling.seed);
  const results: [RestoredImage, ...RestoredImage[]] = [first];
  for (const [i, { seed }] of samplesOf(file, first).entries()) results.push(await restoreWith(1 + i, seed));
  return { ...picture, results };
}

/** What is left alone is so with every seed. */
export function samplesOf(file: OutputFile, { laid }: RestoredImage): OutputFile['samples'] {
  return laid.untouched ? [] : file.samples;
}

interface RestoredImage {
  readonly restored: RestoredSubject;
  readonly laid: LaidSubject;
  readonly notes: readonly string[];
}

/** Work on a file: over as soon as the signal is aborted, its errors naming the file. */
function namingFile(file: OutputFile, signal: AbortSignal): <T>(work: Promise<T>) => Promise<T> {
  return (work) =>
    untilAborted(work, signal).catch((cause: unknown) => {
      throw new Error(`Cannot restore ${file.input.path}: ${explainSystemError(cause)}`, { cause });
    });
}

/** What is to be filled in, if anything is. */
async function readPaint(
  image: ImageFile,
  { inpaint, maxPixels }: ImageSettings,
): Promise<BytePixels | undefined> {
  if (!inpaint) return undefined;
  const { mask } = inpaint;
  return paintOn(
    image,
    mask === undefined ? undefined : { ...(await readImageFile(mask, { maxPixels })), name: mask },
  );
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
async function enlargeOnce(tools: PictureTools, options: UpscaleOptions): Promise<Enlarge | undefined> {
  const upscaler = await tools.upscaler();
  let made: ReturnType<Enlarge> | undefined;
  return upscaler && ((photo) => (made ??= upscaler.upscale(photo, options)));
}
