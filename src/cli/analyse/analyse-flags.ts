/** What `interlcm analyse` can be told. */
import { generatorModels } from '../../generate/generator-models.ts';
import { type HistogramDistance, histogramDistances, histogramKinds } from '../../metrics/color-histogram.ts';
import { downloadFolder } from '../../platform/node/download/released-files.ts';
import { choiceFlag, type GivenFlags, integerFlag, textFlag } from '../terminal/flag-types.ts';
import { modelFlags } from '../terminal/model-flags.ts';

export const analyseDetails = `analyse consistency [NAME=]FOLDER…   how alike each step's state is to the final image (figure 1)
analyse states --lq FOLDER           which step's states low-quality pictures are closest to (figure 4)

consistency takes folders that hold step-1, step-2, … with pictures of the same names, as generate
--states writes them (STATES/clean, STATES/noisy); or --lq: restores those faces and takes the states
on the way; or --text: generates --count images. Identity is DreamSim's distance where its weights
are (interlcm download dreamsim), else the angle of faceres' descriptors; structure is SSIM; colour
the distance of histograms, rgb3d8 and Hellinger's unless given. Means have 95 % intervals.

states takes the model's states from pure noise: by --text where the checkpoint has a text tower, else
under the condition that its encoders make of each picture; and low-quality pictures; describes
both without noise and with the noise of the step that goes on from there; and gives Fréchet distances
and a map by t-SNE. The embedded model refines a photo and has no such states: name another by
--checkpoint. Features are Inception's, as in FID, where its weights are (interlcm download fid),
else faceres'.

Both write NAME.svg, NAME.png, NAME.csv and NAME.json into --output; docs/analysis.md tells how to read them.

Exit codes: 0 done, 1 failed, 2 the command is wrong, 130 interrupted.`;

export const analyseFlags = {
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: 'analysis',
    placeholder: '<folder>',
    description: 'Folder for charts and tables, made if needed',
  },
  lq: {
    type: textFlag('--lq', 'a folder'),
    placeholder: '<folder>',
    description: 'Low-quality faces, aligned',
  },
  text: { type: (text: string) => text, placeholder: '<text>', description: 'Generate by this text' },
  textEmbedding: {
    type: textFlag('--text-embedding', 'a file'),
    placeholder: '<file>',
    description: 'The same by a stored embedding',
  },
  count: {
    type: integerFlag('--count', 1, 100_000),
    alias: 'n',
    placeholder: '<n>',
    description: 'consistency: images of --text (64 unless given). states: most pictures (256 unless given)',
  },
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    placeholder: '<folder>',
    description: `Folder of weights; the embedded model for --lq, ${downloadFolder} for --text unless given`,
  },
  model: {
    type: choiceFlag('--model', generatorModels),
    placeholder: '<name>',
    description: 'What generates: lcm (default), or sd-turbo, whose states are noisy',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    default: 0,
    placeholder: '<n>',
    description: 'Seed of all noise',
  },
  steps: {
    type: integerFlag('--steps', 2, 50),
    default: 4,
    placeholder: '<n>',
    description: 'Steps of the schedule; 4 unless given',
  },
  startStep: {
    type: integerFlag('--start-step', 1, 50),
    placeholder: '<n>',
    description: 'consistency --lq: the first step to compute; 2 unless given, as in restoring',
  },
  against: {
    type: choiceFlag('--against', ['final', 'next']),
    default: 'final' as const,
    placeholder: '<name>',
    description: 'consistency: compare each state with the final image (default) or with the next',
  },
  identity: {
    type: choiceFlag('--identity', ['auto', 'dreamsim', 'dreamsim-dino', 'faceres', 'face-api']),
    default: 'auto' as const,
    placeholder: '<name>',
    description: 'consistency: dreamsim, dreamsim-dino, faceres or face-api',
  },
  histogram: {
    type: choiceFlag('--histogram', histogramKinds),
    default: 'rgb3d8' as const,
    placeholder: '<name>',
    description:
      'consistency: rgb3d8 (8 bins a channel, together), rgb256 (each channel alone) or hsv2d (hue and saturation)',
  },
  distance: {
    type: choiceFlag('--distance', Object.keys(histogramDistances) as HistogramDistance[]),
    default: 'hellinger' as const,
    placeholder: '<name>',
    description: `consistency, of histograms: ${Object.keys(histogramDistances).join(', ')}`,
  },
  features: {
    type: choiceFlag('--features', ['auto', 'inception', 'faceres', 'face-api', 'latent']),
    default: 'auto' as const,
    placeholder: '<name>',
    description: 'states: inception, faceres, face-api, or latent (no decoding)',
  },
  perplexity: {
    type: integerFlag('--perplexity', 2, 1000),
    default: 30,
    placeholder: '<n>',
    description: 'states: of the map; about how many neighbours a picture has',
  },
  weights: {
    type: [textFlag('--weights', 'a folder')],
    placeholder: '<folder>',
    description: `Folders with the weights of DreamSim and Inception; ${downloadFolder} unless given`,
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write the result as one JSON document to standard output' },
} as const;

/** What was given; those with a default are always there. */
export type AnalyseFlags = GivenFlags<typeof analyseFlags> & {
  readonly output: string;
  readonly seed: number;
  readonly steps: number;
  readonly against: 'final' | 'next';
  readonly perplexity: number;
};
