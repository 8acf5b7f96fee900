/** Flags that let a restorer of any making, from its ONNX file, take the model's place. */
import path from 'node:path';
import type { parseRestorerConfig, RestorerConfig } from '../../restore/onnx/restorer-config.ts';
import { textFlag } from './flag-types.ts';
import { findNetworkFile, networkFolders, networkReleases } from './network-files.ts';
import { UsageError } from './usage-error.ts';

export const restorerFlags = {
  restorer: {
    type: textFlag('--restorer', 'a name or a file'),
    placeholder: '<name|file>',
    description: `Restore by this ONNX file instead: ${networkReleases['--restorer'].join(', ')} by name, or any .onnx file; see docs/rivals.md`,
  },
  restorerOption: {
    type: [textFlag('--restorer-option', 'a name and a value')],
    placeholder: '<name=value>',
    description:
      'What is to be told about the file, as size=512, range=0,1, channels=bgr, inputs.weight=0.7; may be repeated',
  },
} as const;

/** The flags that are of our own model only. */
interface ModelFlagValues {
  readonly checkpoint?: string;
  readonly visualEncoder?: string;
  readonly spatialEncoder?: string;
  readonly text?: string;
  readonly textEmbedding?: string;
  readonly steps?: number;
  readonly startStep?: number;
  readonly memory?: string;
}

export interface RestorerFlagValues extends ModelFlagValues {
  readonly restorer?: string;
  readonly restorerOption?: readonly string[];
}

export interface ChosenRestorer {
  /** What it is called: by its release, its description, or its file. */
  readonly name: string;
  readonly file: string;
  /** What is told about it, the JSON file beside it included. */
  readonly config: RestorerConfig;
}

/** @throws {UsageError} if flags do not go together or a file is not there; Error if a release is not downloaded */
export async function chooseRestorer(flags: RestorerFlagValues): Promise<ChosenRestorer | undefined> {
  const { restorer, restorerOption = [] } = flags;
  if (restorer === undefined) {
    if (restorerOption.length > 0) throw new UsageError('--restorer-option goes with --restorer');
    return undefined;
  }
  const ofOurs = {
    '--checkpoint': flags.checkpoint,
    '--visual-encoder': flags.visualEncoder,
    '--spatial-encoder': flags.spatialEncoder,
    '--text': flags.text,
    '--text-embedding': flags.textEmbedding,
    '--steps': flags.steps,
    '--start-step': flags.startStep,
    '--memory': flags.memory,
  };
  for (const [flag, value] of Object.entries(ofOurs))
    if (value !== undefined) throw new UsageError(`${flag} is of InterLCM; leave it out with --restorer`);
  const file = await findNetworkFile('--restorer', restorer, { folders: networkFolders(undefined) });
  const [{ isOnnxName, readRestorerConfig }, { parseRestorerConfig }] = await Promise.all([
    import('../../platform/node/model/onnx-files.ts'),
    import('../../restore/onnx/restorer-config.ts'),
  ]);
  if (!isOnnxName(file)) throw new UsageError(`--restorer takes an .onnx file, not ${restorer}`);
  const config = await readRestorerConfig(file, parseOptions(restorerOption, parseRestorerConfig));
  return { name: config.name ?? path.basename(restorer).replace(/\.onnx$/i, ''), file, config };
}

/** `range=0,1` and its kind. @throws {UsageError} */
function parseOptions(options: readonly string[], parse: typeof parseRestorerConfig): RestorerConfig {
  const values: Record<string, unknown> = {};
  const inputs: Record<string, unknown> = {};
  for (const option of options) {
    const [, name, text] = /^([\w.:/-]+)=(.+)$/.exec(option) ?? [];
    if (name === undefined || text === undefined)
      throw new UsageError(`--restorer-option takes a name and a value, as size=512, not ${option}`);
    const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    const value = numbers.every(Number.isFinite) ? (numbers.length === 1 ? numbers[0] : numbers) : text;
    if (name.startsWith('inputs.')) inputs[name.slice('inputs.'.length)] = value;
    else values[name] = value;
  }
  if (Object.keys(inputs).length > 0) values['inputs'] = inputs;
  try {
    return parse(values, '--restorer-option');
  } catch (cause) {
    throw new UsageError((cause as Error).message);
  }
}
