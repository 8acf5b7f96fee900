/** `interlcm embed`: stores what a text tower makes of a text. */
import { command } from 'cleye';
import { generatorModels } from '../generate/generator-models.ts';
import { downloadFolder } from '../platform/node/download/released-files.ts';
import { choiceFlag, rejectUnknownFlags, textFlag } from './terminal/flag-types.ts';
import { modelFlags } from './terminal/model-flags.ts';
import { printable } from './terminal/terminal-text.ts';
import { UsageError } from './terminal/usage-error.ts';

const flags = {
  output: {
    type: textFlag('--output', 'a file'),
    alias: 'o',
    placeholder: '<file>',
    description: 'The safetensors file to write: one tensor, text_embedding, [1, tokens, width]',
  },
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    default: downloadFolder,
    placeholder: '<folder>',
    description: `Folder with the text tower and tokenizer; ${downloadFolder} unless given`,
  },
  model: {
    type: choiceFlag('--model', generatorModels),
    default: 'lcm' as const,
    placeholder: '<name>',
    description: 'Whose text tower: lcm (default) or sd-turbo',
  },
  device: modelFlags.device,
  threads: modelFlags.threads,
} as const;

export const embedCommand = command(
  {
    name: 'embed',
    parameters: ['[text]'],
    flags,
    help: {
      description:
        'Store the embedding of a text, so that restoring, generating and training by it need no text tower; "" is the null text',
      examples: ['interlcm embed "a photo of a face" -o face.safetensors'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { text } = parsed._;
    const { output, checkpoint, model, device, threads } = parsed.flags;
    if (text === undefined) throw new UsageError('embed needs a text; see embed --help');
    if (output === undefined) throw new UsageError('embed needs --output and the file to write after it');
    const [{ createNodeRuntime }, { openTextContext, writeEmbeddingFile }] = await Promise.all([
      import('../platform/node/engine/node-runtime.ts'),
      import('../platform/node/model/text-context.ts'),
    ]);
    const runtime = await createNodeRuntime({ device, threads });
    const onNote = (note: string): void => void process.stderr.write(`${printable(note)}\n`);
    const embedding = await openTextContext({ text }, { checkpoint, model, runtime, onNote });
    await writeEmbeddingFile(output, embedding);
    onNote(`${output}: ${embedding.shape.slice(1).join(' × ')} numbers`);
  },
);
