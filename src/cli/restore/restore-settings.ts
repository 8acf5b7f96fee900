/** From the flags of `interlcm restore` to what is to be done. */

import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { FaceSelection } from '../../face/select-faces.ts';
import type { LoadRestorerOptions } from '../../platform/node/model/load-restorer.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import { allPictureExtensions, type ImageFormat } from '../../platform/node/picture/image-format.ts';
import { isVideoName, videoExtensions } from '../../platform/node/video/video-format.ts';
import { defaultSampling } from '../../restore/default-sampling.ts';
import type { PhotoOptions } from '../../restore/photo/photo-options.ts';
import type { RestoreOptions } from '../../restore/restorer.ts';
import {
  type EncoderTask,
  findNetworkFile,
  findTaskEncoders,
  networkFolders,
} from '../terminal/network-files.ts';
import { chooseRestorer } from '../terminal/restorer-flags.ts';
import { findDetectorFile, pixelsOf } from '../terminal/search-flags.ts';
import { textCondition } from '../terminal/text-condition.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { RestoreFlags } from './restore-flags.ts';

/** How each picture is restored. */
export interface ImageSettings {
  /** Every picture is one aligned face: nothing is looked for. */
  readonly aligned: boolean;
  /** of the inputs, and of a mask; the default of pictures unless given */
  readonly maxPixels?: number | undefined;
  readonly selection: FaceSelection;
  readonly photo: Pick<PhotoOptions, 'strength' | 'upscale' | 'color' | 'force'> & {
    /** where no network enlarges */
    readonly background?: 'lanczos' | 'bilinear';
  };
  /** Fill in what is white, in the picture or in a mask. */
  readonly inpaint?: { readonly mask?: string };
}

export interface RestoreSettings {
  readonly inputs: readonly string[];
  readonly recursive: boolean;
  readonly outputFolder: string;
  readonly format: ImageFormat | 'input';
  readonly comparison: boolean;
  /** results of as many seeds for each input */
  readonly samples: number;
  readonly metadata: 'keep' | 'strip';
  /** also restore what an earlier run has restored with the same settings */
  readonly again: boolean;
  readonly checkpoint: string;
  readonly model: LoadRestorerOptions;
  /** files of networks beside the model, where others than the built-in ones are asked for */
  readonly networks: { readonly detector?: string; readonly parser?: string; readonly upscaler?: string };
  readonly sampling: RestoreOptions;
  readonly image: ImageSettings;
}

/**
 * @throws {UsageError} if flags do not fit each other, or name files that are not there; Error if what they name has
 *   not been downloaded
 */
export async function readRestoreSettings(
  inputs: readonly string[],
  flags: RestoreFlags,
): Promise<RestoreSettings> {
  const videos = inputs.filter(isVideoName).length;
  if (videos > 0) refuseForVideos(flags);
  if (inputs.length === 0)
    throw new UsageError('restore needs a picture, a folder or a glob; see restore --help');
  const { output, face, box, color, mask } = flags;
  const upscale = Number(flags.upscale ?? 1);
  refuseTogether(flags, upscale);
  await refuseOutput(output, videos);
  const task = color === 'colorize' ? 'colorization' : isInpainting(flags) ? 'inpainting' : undefined;
  const { checkpoint, visualEncoder, spatialEncoder, onnx, sampling } = await chooseModel(flags, task);
  return {
    inputs,
    recursive: flags.recursive ?? false,
    outputFolder: output,
    format: flags.format ?? 'input',
    comparison: flags.comparison ?? false,
    samples: flags.samples ?? 1,
    metadata: flags.metadata ?? 'keep',
    again: flags.again ?? false,
    checkpoint,
    model: {
      device: flags.device,
      threads: flags.threads,
      memory: flags.memory,
      visualEncoder,
      spatialEncoder,
      onnx,
      condition: textCondition(flags),
    },
    networks: await findNetworks(flags, upscale),
    sampling,
    image: {
      aligned: flags.aligned ?? false,
      maxPixels: pixelsOf(flags.maxMegapixels),
      selection: {
        minSize: flags.minSize,
        minScore: flags.minScore,
        ...(face?.length && { indices: face.flat() }),
        ...(box?.length && { boxes: box.map(toBox) }),
      },
      photo: {
        strength: flags.strength,
        upscale,
        background: flags.background === 'keep' ? 'bilinear' : 'lanczos',
        color,
        // What is gray or painted over is to be changed, however sharp it is.
        force: flags.force || task !== undefined,
      },
      ...(task === 'inpainting' && { inpaint: { mask } }),
    },
  };
}

/** @throws {UsageError} if a flag makes no sense for videos */
function refuseForVideos(flags: RestoreFlags): void {
  const refusal = refusalForVideos(flags);
  if (refusal !== undefined) throw new UsageError(refusal);
}

/** Why videos cannot be restored with these flags, if they cannot. */
export function refusalForVideos(flags: RestoreFlags): string | undefined {
  const { aligned, face, box, upscale, comparison, samples, format, inpaint, mask, metadata } = flags;
  const given = {
    '--aligned': aligned,
    '--face': face?.length,
    '--box': box?.length,
    '--upscale': upscale !== undefined && upscale !== '1',
    '--comparison': comparison,
    '--samples': samples !== undefined && samples > 1,
    '--format': format !== undefined,
    '--inpaint': inpaint,
    '--mask': mask !== undefined,
    '--metadata strip': metadata === 'strip',
  };
  const first = Object.entries(given).find(([, value]) => value);
  return first && `${first[0]} is for pictures, not for videos`;
}

function isInpainting({ inpaint, mask }: RestoreFlags): boolean {
  return inpaint === true || mask !== undefined;
}

/** @throws {UsageError} if flags contradict each other */
function refuseTogether(flags: RestoreFlags, upscale: number): void {
  const { aligned = false, face, box, color } = flags;
  if (aligned && (face?.length || box?.length))
    throw new UsageError('--aligned takes each input as one face; leave out --face and --box');
  if (aligned && upscale !== 1)
    throw new UsageError('--aligned gives faces of the size that the model makes; leave out --upscale');
  const text = flags.text !== undefined ? '--text' : flags.textEmbedding && '--text-embedding';
  textCondition(flags);
  if (text !== undefined && flags.visualEncoder !== undefined)
    throw new UsageError(`${text} takes the visual encoder's place; leave out --visual-encoder`);
  if (isInpainting(flags) && (color === 'colorize' || color === 'keep'))
    throw new UsageError(`--inpaint and --color ${color} do not go together; do one after the other`);
  if (isInpainting(flags) && flags.parser !== undefined)
    throw new UsageError('--inpaint replaces what is painted, whatever it is; leave out --parser');
}

/**
 * @param videos among the inputs
 * @throws {UsageError} if results cannot go there
 */
async function refuseOutput(output: string, videos: number): Promise<void> {
  const existing = await stat(output).catch(() => undefined);
  if (existing?.isDirectory()) return;
  if (isVideoName(output)) {
    const written = Object.keys(videoExtensions);
    if (videos === 0)
      throw new UsageError(`--output ${output} looks like a video; pictures go into a folder`);
    if (videos > 1) throw new UsageError(`--output ${output} is one video for ${videos}; give a folder`);
    if (!written.includes(extname(output).toLowerCase()))
      throw new UsageError(`--output ${output}: videos are written as ${written.join(', ')}`);
    return;
  }
  if (existing) throw new UsageError(`--output ${output} is a file; it takes a folder`);
  if (allPictureExtensions.has(extname(output).toLowerCase()))
    throw new UsageError(
      `--output ${output} looks like a picture; it takes a folder, and results keep their names`,
    );
}

interface ChosenModel extends Pick<LoadRestorerOptions, 'visualEncoder' | 'spatialEncoder' | 'onnx'> {
  readonly checkpoint: string;
  readonly sampling: RestoreOptions;
}

/** Colorizing and inpainting need encoders of their own, released for one step and made to give their own colours. */
async function chooseModel(flags: RestoreFlags, task: EncoderTask | undefined): Promise<ChosenModel> {
  const restorer = await chooseRestorer(flags);
  if (restorer) {
    refuseForRestorer(flags, task);
    const { fidelity, colorFix } = flags;
    return { checkpoint: restorer.file, onnx: restorer.config, sampling: { fidelity, colorFix } };
  }
  const { seed, startStep, fidelity } = flags;
  const own = flags.visualEncoder !== undefined && flags.spatialEncoder !== undefined;
  const released =
    task && !own ? await findTaskEncoders(task, networkFolders(flags.checkpoint).slice(0, 1)) : undefined;
  const steps = flags.steps ?? (released && 2);
  const checkpoint = released?.checkpoint ?? flags.checkpoint ?? embeddedModel;
  if (steps !== undefined || startStep !== undefined) await requireInSchedule(checkpoint, steps, startStep);
  return {
    checkpoint,
    visualEncoder: flags.visualEncoder ?? released?.visualEncoder,
    spatialEncoder: flags.spatialEncoder ?? released?.spatialEncoder,
    sampling: { seed, steps, startStep, fidelity, colorFix: flags.colorFix ?? (task && 'none') },
  };
}

/** @throws {UsageError} if a flag asks for what only InterLCM can do */
function refuseForRestorer({ seed, samples }: RestoreFlags, task: EncoderTask | undefined): void {
  if (task !== undefined) throw new UsageError(`--restorer restores only: ${task} needs InterLCM's encoders`);
  if (seed !== undefined || (samples ?? 1) > 1)
    throw new UsageError('--restorer draws no noise: leave out --seed and --samples');
}

const resizings = ['keep', 'lanczos'];

async function findNetworks(
  { checkpoint, detector, parser, background }: RestoreFlags,
  upscale: number,
): Promise<RestoreSettings['networks']> {
  const folders = networkFolders(checkpoint);
  const byNetwork = background !== undefined && !resizings.includes(background);
  const upscaler = byNetwork
    ? await findNetworkFile('--background', background, { folders, words: resizings })
    : undefined;
  if (byNetwork && upscale === 1)
    throw new UsageError(`--background ${background} enlarges the photo; add --upscale 2 or 4`);
  return {
    detector: await findDetectorFile(detector, folders),
    parser: parser === undefined ? undefined : await findNetworkFile('--parser', parser, { folders }),
    upscaler,
  };
}

function toBox(values: readonly number[]): { x: number; y: number; width: number; height: number } {
  const [x, y, width, height] = values as [number, number, number, number];
  if (!(width >= 1 && height >= 1))
    throw new UsageError(`--box ${values.join(',')} is empty; its width and height come last`);
  return { x, y, width, height };
}

/** @throws {UsageError} if the checkpoint's schedule has no such steps; one that cannot be opened is said when it is */
async function requireInSchedule(
  checkpoint: string,
  steps: number | undefined,
  startStep: number | undefined,
): Promise<void> {
  const { readSampling } = await import('../../platform/node/model/read-sampling.ts');
  const known = await readSampling(checkpoint).catch(() => undefined);
  const last = steps ?? known?.steps ?? defaultSampling.steps;
  if (known && last > known.most)
    throw new UsageError(`--steps ${last} is more than the ${known.most} of the checkpoint's schedule`);
  if (startStep !== undefined && startStep > last)
    throw new UsageError(`--start-step ${startStep} is after the last of ${last} --steps`);
}
