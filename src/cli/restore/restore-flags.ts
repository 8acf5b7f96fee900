/** What `interlcm restore` can be told. */

import { colorFixes } from '../../image/color-fix.ts';
import {
  choiceFlag,
  type GivenFlags,
  integerFlag,
  numberFlag,
  textFlag,
  tupleFlag,
} from '../terminal/flag-types.ts';
import { encoderFlags, modelFlags } from '../terminal/model-flags.ts';
import { restorerFlags } from '../terminal/restorer-flags.ts';
import { searchFlags } from '../terminal/search-flags.ts';

export const restoreDetails = `Inputs are PNG, JPEG, WebP, AVIF, TIFF or GIF files (known by content), folders and globs;
what exists under the name is never taken for a glob. Results keep names and formats; where two
would meet, one gets a number. An input is never replaced. What an earlier run has done with the
same settings is not done again.

In a photo every face is found, restored, and put back under a soft mask; all else stays as it
is. A face that is as sharp as the model's output is left alone. A square picture in which one
face sits as in FFHQ is taken for an aligned face and restored as a whole; --aligned says that of
every input. If there is no face, the result is the input.

Photos are turned upright by their EXIF orientation. RGB numbers and their colour profile are
kept; CMYK, Lab and gray profiles are converted to sRGB. Transparency is kept (JPEG: laid on
white), and so are print resolution, EXIF, XMP, texts, and 16 bits in PNG and TIFF. IPTC, motion
photos' videos and further pages or frames are left out, and said to be.

--color colorize gives faces their colours; --inpaint fills in what is painted exactly white (PNG
keeps a brush exact, JPEG does not), --mask what is white in another picture. Both take released
encoders of their own (interlcm download colorization, inpainting), in the --checkpoint folder, or
in weights, where download writes, if none is given. --detector, --parser and --background take a
.pth file, or the name that download has for it: looked for in --checkpoint, then in weights.

Videos (MP4, MOV, MKV, WebM and what else FFmpeg reads) are restored frame by frame; --output may
name the file. Faces are followed through the frames, with one noise each; sound and times are
kept, transparency is not. A stopped run goes on from the last part in OUTPUT.parts. A video
without a face stays as it is. FFmpeg 5.1 or later is needed.

Exit codes: 0 all done, 1 some failed, 2 the command is wrong, 3 no face in some, 130 interrupted.`;

export const restoreFlags = {
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
  ...restorerFlags,
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
    type: textFlag('--background', 'keep, lanczos, a name or a file'),
    placeholder: '<name|file>',
    description:
      'What --upscale enlarges the rest with: lanczos (default), keep: no sharper than it is, or Real-ESRGAN: its .pth file, upscaler-2x, upscaler-4x',
  },
  parser: {
    type: textFlag('--parser', 'a name or a file'),
    placeholder: '<name|file>',
    description:
      'ParseNet, to tell a face from what is around it: its .pth file, or parser; else its landmarks tell',
  },
  color: {
    type: choiceFlag('--color', ['auto', 'keep', 'gray', 'colorize']),
    placeholder: '<name>',
    description:
      "auto (default): gray photos stay gray; keep: the photo's colours; gray: all gray; colorize: faces get colours",
  },
  inpaint: { type: Boolean, description: 'Fill in what is painted exactly white, and change nothing else' },
  mask: {
    type: textFlag('--mask', 'a picture'),
    placeholder: '<file>',
    description: 'Fill in what is white in this picture, which is as large as the photo',
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
    description:
      'Steps of the schedule: what the checkpoint says (default), else 4 for three-step weights, 2 for one-step weights (default to colorize and inpaint)',
  },
  startStep: {
    type: integerFlag('--start-step', 1, 50),
    placeholder: '<n>',
    description: 'First step to compute, up to --steps: 2 (default); 1 ignores the latent of the input',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    placeholder: '<n>',
    description: 'Seed of the noise; the same one gives the same picture',
  },
  fidelity: {
    type: numberFlag('--fidelity', 0, 1),
    placeholder: '<0..1>',
    description: "From the face the model makes (0) to the photo's own (1), for models that see the photo",
  },
  colorFix: {
    type: choiceFlag('--color-fix', colorFixes),
    placeholder: '<name>',
    description:
      "How the result gets the input's colours: wavelet (default), adain or none (default to colorize and inpaint)",
  },
  text: {
    type: (text: string) => text,
    placeholder: '<text>',
    description:
      'Restore by a text in place of what is seen in the photo; "" is the null text. For encoders that were trained so; needs download text-encoder',
  },
  textEmbedding: {
    type: textFlag('--text-embedding', 'a file'),
    placeholder: '<file>',
    description: 'The same by a stored embedding, as interlcm embed writes it',
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write a report as one JSON document to standard output' },
} as const;

/** `--face 0,2`, `--face 0 --face 2` */
function faceIndices(text: string): number[] {
  return text.split(',').map(integerFlag('--face', 0, 999));
}

export type RestoreFlags = GivenFlags<typeof restoreFlags> & { readonly output: string };
