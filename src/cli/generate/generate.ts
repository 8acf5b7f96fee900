/** `interlcm generate`: a text in, images out, by the models that InterLCM is made from. */
import { command } from 'cleye';
import { generatorModels } from '../../generate/generator-models.ts';
import { downloadFolder } from '../../platform/node/download/released-files.ts';
import { choiceFlag, integerFlag, numberFlag, rejectUnknownFlags, textFlag } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { modelFlags } from '../terminal/model-flags.ts';
import { UsageError } from '../terminal/usage-error.ts';

const details = `Makes images from noise by a text: LCM Dreamshaper in consistency steps (interlcm download interlcm-3step
text-encoder), or --model sd-turbo in Euler steps (interlcm download sd-turbo). "" is the null text.
Image n has seed --seed + n, and is called TEXT-seedN.png; the same seed gives the same image. What an
earlier run has made with the same settings is not made again.

--states keeps what every step has left, decoded, as PNG:
  FOLDER/clean/step-K/NAME.png    the image that step K predicts
  FOLDER/noisy/step-K/NAME.png    what step K + 1 begins with; step-0 is the noise
interlcm analyse consistency measures such folders.

Exit codes: 0 all done, 1 failed, 2 the command is wrong, 130 interrupted.`;

const flags = {
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: 'generated',
    placeholder: '<folder>',
    description: 'Folder for the images, made if needed',
  },
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    default: downloadFolder,
    placeholder: '<folder>',
    description: `Folder with lcm or sd-turbo in it; ${downloadFolder}, where download writes, unless given`,
  },
  model: {
    type: choiceFlag('--model', generatorModels),
    default: 'lcm' as const,
    placeholder: '<name>',
    description: 'lcm (default) or sd-turbo',
  },
  textEmbedding: {
    type: textFlag('--text-embedding', 'a file'),
    placeholder: '<file>',
    description: 'A stored embedding in place of the text: a safetensors file, as interlcm embed writes it',
  },
  count: {
    type: integerFlag('--count', 1, 100_000),
    alias: 'n',
    default: 1,
    placeholder: '<n>',
    description: 'How many images, each of another seed',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    default: 0,
    placeholder: '<n>',
    description: 'Seed of the first image',
  },
  steps: {
    type: integerFlag('--steps', 1, 50),
    default: 4,
    placeholder: '<n>',
    description: 'Steps of the schedule; 4 unless given',
  },
  guidance: {
    type: numberFlag('--guidance', 0, 100),
    placeholder: '<w>',
    description: 'Guidance scale of LCM, embedded; 8 unless given. SD Turbo has none',
  },
  size: {
    type: integerFlag('--size', 8, 4096),
    placeholder: '<n>',
    description:
      'Side of the images in pixels; what the model was trained on unless given (LCM Dreamshaper: 768)',
  },
  states: {
    type: textFlag('--states', 'a folder'),
    placeholder: '<folder>',
    description: 'Also keep the states of every step in this folder',
  },
  estimate: {
    type: Boolean,
    description: 'Only count: arithmetic and memory of one image at the published sizes; needs no weights',
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write a report as one JSON document to standard output' },
} as const;

export const generateCommand = command(
  {
    name: 'generate',
    parameters: ['[text]'],
    flags,
    help: {
      description: 'Make images from a text, in four steps from noise',
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: details } }]),
      examples: [
        'interlcm generate "a photo of a face" --count 4 --states states',
        'interlcm generate "a photo of a face" --model sd-turbo',
        'interlcm generate --estimate --model sd-turbo',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { text } = parsed._;
    const { estimate, textEmbedding, guidance, model, json, ...rest } = parsed.flags;
    if (estimate) {
      const { estimateGeneration } = await import('./estimate.ts');
      process.stdout.write(estimateGeneration(model, rest.size, rest.steps, json ?? false));
      return;
    }
    if ((text === undefined) === (textEmbedding === undefined))
      throw new UsageError('generate needs a text, or --text-embedding in its place; see generate --help');
    if (guidance !== undefined && model === 'sd-turbo')
      throw new UsageError('--guidance is for LCM; SD Turbo is sampled without');
    const condition = textEmbedding === undefined ? { text: text! } : { embedding: textEmbedding };
    const { runGenerate } = await import('./run-generate.ts');
    const report = await runGenerate(
      { ...rest, model, guidance, condition },
      { stderr: process.stderr, signal: interruptSignal() },
    );
    if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  },
);
