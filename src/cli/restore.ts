/** `interlcm restore`: photos in, photos with restored faces out. */

import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { command } from 'cleye';
import { embeddedModel } from '../platform/node/embedded-model.ts';
import { splitFaceIndices } from './face-indices.ts';
import {
  choiceFlag,
  integerFlag,
  numberFlag,
  rejectUnknownFlags,
  textFlag,
  tupleFlag,
} from './flag-types.ts';
import { interruptSignal } from './interruption.ts';
import { encoderFlags, modelFlags } from './model-flags.ts';
import type { RestoreEnvironment, RestoreSettings } from './restore-files.ts';
import { type SearchFlags, searchFlags } from './search-flags.ts';
import { UsageError } from './usage-error.ts';

const details = `Inputs are PNG, JPEG, WebP, AVIF, TIFF or GIF files (known by content), folders and globs;
what exists under the name is never taken for a glob. Results keep names and formats; where two
would meet, one gets a number. An input is never replaced. What an earlier run has done with the
same settings is not done again.

In a photo every face is found, restored, and put back under a soft mask; all else stays as it
is. A face that is as sharp as the model's output is left alone. A square picture in which one
face sits as in FFHQ is taken for an aligned face and restored as a whole; --aligned says that of
every input. If there is no face, the result is the input.

Photos are turned upright by their EXIF orientation. RGB numbers and their colour profile are
kept; CMYK, Lab and gray profiles are converted to sRGB. Transparency is kept (JPEG: laid on
white), and so are EXIF, XMP, and 16 bits in PNG and TIFF. IPTC and further pages or frames are
left out, and said to be.

Videos (MP4, MOV, MKV, WebM and what else FFmpeg reads) are restored frame by frame; --output may
name the file. Faces are followed through the frames, with one noise each; sound and times are
kept. A stopped run goes on from the last part in OUTPUT.parts. FFmpeg 5.1 or later is needed.

Exit codes: 0 all done, 1 some failed, 2 the command is wrong, 3 no face in some, 130 interrupted.`;

const flags = {
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: 'restored',
    placeholder: '<folder>',
    description: 'Folder for the results, made if needed',
  },
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    placeholder: '<folder>',
    description:
      'Folder of other weights, with lcm, clip and interlcm in it; the embedded model unless given',
  },
  ...encoderFlags,
  recursive: { type: Boolean, alias: 'r', description: 'Also take folders inside folders, and mirror them' },
  format: {
    type: choiceFlag('--format', ['input', 'png', 'jpeg', 'webp', 'avif', 'tiff']),
    placeholder: '<name>',
    description: 'png, jpeg, webp, avif, tiff, or input (default) for that of each input',
  },
  comparison: { type: Boolean, description: 'Also write input and result side by side, as NAME-comparison' },
  aligned: { type: Boolean, description: 'Every input shows one face, upright and centred as in FFHQ' },
  face: {
    type: [faceIndices],
    placeholder: '<i>',
    description: 'Only these faces, as "interlcm faces" counts them',
  },
  box: {
    type: [tupleFlag('--box', ['x', 'y', 'width', 'height'])],
    placeholder: '<x,y,w,h>',
    description: 'The face in this box, drawn by hand from the brows to the chin; may be repeated',
  },
  ...searchFlags,
  strength: {
    type: numberFlag('--strength', 0, 1),
    placeholder: '<s>',
    description: 'How much of the restored face is laid over the old one, 0 to 1 (default)',
  },
  upscale: {
    type: choiceFlag('--upscale', ['1', '2', '4']),
    placeholder: '<n>',
    description: 'Make the photo 2 or 4 times as large: small faces show more of what was restored',
  },
  background: {
    type: choiceFlag('--background', ['keep', 'lanczos']),
    placeholder: '<name>',
    description: 'What --upscale enlarges the rest with: lanczos (default), or keep: no sharper than it is',
  },
  color: {
    type: choiceFlag('--color', ['auto', 'keep', 'gray']),
    placeholder: '<name>',
    description: "auto (default): gray photos stay gray; keep: the photo's colours; gray: all gray",
  },
  force: { type: Boolean, description: 'Also restore faces that are sharp already' },
  samples: {
    type: integerFlag('--samples', 1, 64),
    placeholder: '<n>',
    description: 'Results of n seeds to choose from, as NAME-seedN',
  },
  metadata: {
    type: choiceFlag('--metadata', ['keep', 'strip']),
    placeholder: '<name>',
    description: 'keep (default) or strip EXIF and XMP',
  },
  again: { type: Boolean, description: 'Also do what an earlier run has done already' },
  steps: {
    type: integerFlag('--steps', 1, 50),
    placeholder: '<n>',
    description: 'Steps of the schedule: 4 (default) for three-step weights, 2 for one-step weights',
  },
  startStep: {
    type: integerFlag('--start-step', 1, 4),
    placeholder: '<n>',
    description: 'First step to compute, 1 to 4: 2 (default); 1 ignores the latent of the input',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    placeholder: '<n>',
    description: 'Seed of the noise; the same one gives the same picture',
  },
  colorFix: {
    type: choiceFlag('--color-fix', ['wavelet', 'adain', 'none']),
    placeholder: '<name>',
    description: "How the result gets the input's colours: wavelet (default), adain or none",
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write a report as one JSON document to standard output' },
} as const;

/** `--face 0,2`, `--face 0 --face 2` */
function faceIndices(text: string): number[] {
  return text.split(',').map(integerFlag('--face', 0, 999));
}

interface RestoreFlags extends SearchFlags {
  readonly output: string;
  readonly checkpoint?: string;
  readonly visualEncoder?: string;
  readonly spatialEncoder?: string;
  readonly recursive?: boolean;
  readonly format?: RestoreSettings['format'];
  readonly comparison?: boolean;
  readonly aligned?: boolean;
  readonly face?: readonly (readonly number[])[];
  readonly box?: readonly (readonly number[])[];
  readonly strength?: number;
  readonly upscale?: '1' | '2' | '4';
  readonly background?: 'keep' | 'lanczos';
  readonly color?: RestoreSettings['image']['photo']['color'];
  readonly force?: boolean;
  readonly samples?: number;
  readonly metadata?: RestoreSettings['metadata'];
  readonly again?: boolean;
  readonly steps?: number;
  readonly startStep?: number;
  readonly seed?: number;
  readonly colorFix?: RestoreSettings['sampling']['colorFix'];
  readonly device?: RestoreSettings['model']['device'];
  readonly threads?: number;
  readonly memory?: RestoreSettings['model']['memory'];
  readonly json?: boolean;
}

export const restoreCommand = command(
  {
    name: 'restore',
    parameters: ['[pictures...]'],
    flags,
    help: {
      description: 'Restore the faces in photos',
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: details } }]),
      examples: [
        'interlcm restore grandma.jpg',
        'interlcm restore album/ -o restored --recursive --checkpoint weights',
        'interlcm restore photo.jpg --face 0 2 --strength 0.8 --upscale 2',
        'interlcm restore clip.mp4 -o restored.mp4',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { pictures, face } = await splitFaceIndices(parsed._.pictures, parsed.flags.face);
    const given = { ...parsed.flags, face };
    process.exitCode = await runRestore(pictures, given, {
      loadRestorer: async (checkpoint, options) => {
        const { loadRestorer } = await import('../platform/node/load-restorer.ts');
        return loadRestorer(checkpoint, options);
      },
      loadDetector: async () => {
        const { loadFaceDetector } = await import('../platform/node/load-face-detector.ts');
        return loadFaceDetector({ threads: parsed.flags.threads });
      },
      loadDescriber: async (size) => {
        const { loadFaceDescriber } = await import('../platform/node/load-face-describer.ts');
        return loadFaceDescriber(size);
      },
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruptSignal(),
    });
  },
);

export interface RunEnvironment extends RestoreEnvironment {
  readonly stdout: { write(text: string): unknown };
}

/**
 * Restores what `inputs` name.
 * @returns the exit code: 0 if all are done, 1 if some failed, 3 if some show no face
 * @throws {UsageError} if the flags do not fit; whatever ended the run early, after its report is written
 */
export async function runRestore(
  inputs: readonly string[],
  flags: RestoreFlags,
  environment: RunEnvironment,
): Promise<number> {
  const videos = inputs.filter((input) => videoExtension.test(input)).length;
  if (videos > 0) refuseForVideos(flags, inputs.length - videos);
  const settings = await readSettings(inputs, flags, videos === 1);
  // Pictures and networks need libraries that take a while to load.
  if (videos > 0) {
    const { restoreVideos } = await import('./restore-videos.ts');
    const outcome = await restoreVideos(settings, environment);
    if (flags.json) environment.stdout.write(`${JSON.stringify(outcome.report, null, 2)}\n`);
    if (outcome.stoppedBy !== undefined) throw outcome.stoppedBy;
    return outcome.report.videos.every(({ status }) => status === 'done') ? 0 : 1;
  }
  const { restoreFiles } = await import('./restore-files.ts');
  const { report, stoppedBy } = await restoreFiles(settings, environment);
  if (flags.json) environment.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (stoppedBy !== undefined) throw stoppedBy;
  if (report.files.some(({ status }) => status === 'failed')) return 1;
  return report.files.some(({ faces }) => faces?.length === 0) ? 3 : 0;
}

const videoExtension = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|wmv|flv|3gp|m2ts|mts|ogv)$/i;

/** @throws {UsageError} if pictures are among the inputs, or a flag makes no sense for videos */
function refuseForVideos(flags: RestoreFlags, pictures: number): void {
  if (pictures > 0) throw new UsageError('Videos and pictures are restored in runs of their own');
  const { aligned, face, box, upscale, comparison, samples, format } = flags;
  const given = {
    '--aligned': aligned,
    '--face': face?.length,
    '--box': box?.length,
    '--upscale': upscale !== undefined && upscale !== '1',
    '--comparison': comparison,
    '--samples': samples !== undefined && samples > 1,
    '--format': format !== undefined,
  };
  for (const [flag, value] of Object.entries(given))
    if (value) throw new UsageError(`${flag} is for pictures, not for videos`);
}

const pictureExtension = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i;
/** What the sampler takes where `--steps` is not given. */
const defaultSteps = 4;

async function readSettings(
  inputs: readonly string[],
  flags: RestoreFlags,
  toVideo: boolean,
): Promise<RestoreSettings> {
  if (inputs.length === 0)
    throw new UsageError('restore needs a picture, a folder or a glob; see restore --help');
  const { checkpoint = embeddedModel, output, steps, startStep, aligned = false, face, box } = flags;
  if (aligned && (face?.length || box?.length))
    throw new UsageError('--aligned takes each input as one face; leave out --face and --box');
  if (aligned && flags.upscale !== undefined && flags.upscale !== '1')
    throw new UsageError('--aligned gives faces of the size that the model makes; leave out --upscale');
  if (startStep !== undefined && startStep > (steps ?? defaultSteps))
    throw new UsageError(`--start-step ${startStep} is after the last of ${steps ?? defaultSteps} --steps`);
  const existing = await stat(output).catch(() => undefined);
  if (existing && !existing.isDirectory() && !(toVideo && videoExtension.test(output)))
    throw new UsageError(`--output ${output} is a file; it takes a folder`);
  if (!existing && pictureExtension.test(extname(output)))
    throw new UsageError(
      `--output ${output} looks like a picture; it takes a folder, and results keep their names`,
    );
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
      visualEncoder: flags.visualEncoder,
      spatialEncoder: flags.spatialEncoder,
    },
    sampling: { seed: flags.seed, steps, startStep, colorFix: flags.colorFix },
    image: {
      aligned,
      selection: {
        minSize: flags.minSize,
        minScore: flags.minScore,
        ...(face?.length && { indices: face.flat() }),
        ...(box?.length && { boxes: box.map(toBox) }),
      },
      photo: {
        strength: flags.strength,
        upscale: Number(flags.upscale ?? 1),
        background: flags.background === 'keep' ? 'bilinear' : 'lanczos',
        color: flags.color,
        force: flags.force,
      },
    },
  };
}

function toBox(values: readonly number[]): { x: number; y: number; width: number; height: number } {
  const [x, y, width, height] = values as [number, number, number, number];
  if (!(width >= 1 && height >= 1))
    throw new UsageError(`--box ${values.join(',')} is empty; its width and height come last`);
  return { x, y, width, height };
}
