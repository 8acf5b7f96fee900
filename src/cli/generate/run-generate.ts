import path from 'node:path';
import type { GenerationState } from '../../generate/create-generator.ts';
import type { GeneratorModel } from '../../generate/generator-models.ts';
import { tensorToPixels } from '../../image/pixel-tensor.ts';
import { requireWritable, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { BatchJournal, describeFiles, sha256 } from '../../platform/node/files/batch-journal.ts';
import { type LoadedGenerator, loadGenerator } from '../../platform/node/model/load-generator.ts';
import { describeCondition, type TextCondition } from '../../platform/node/model/text-context.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import type { MemoryMode } from '../../restore/stage-models.ts';
import type { DeviceChoice } from '../../runtime/runtime.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { formatDuration, Progress, type ProgressStream } from '../terminal/progress.ts';
import { UsageError } from '../terminal/usage-error.ts';

export interface GenerateRequest {
  readonly condition: TextCondition;
  readonly output: string;
  readonly checkpoint: string;
  readonly model: GeneratorModel;
  readonly count: number;
  /** Of the first image. */
  readonly seed: number;
  readonly steps: number;
  readonly guidance?: number | undefined;
  readonly size?: number | undefined;
  /** Folder for the states of every step. */
  readonly states?: string | undefined;
  readonly device?: DeviceChoice | undefined;
  readonly threads?: number | undefined;
  readonly memory?: MemoryMode | undefined;
}

export interface GenerateEnvironment {
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** What became of one image. */
interface ImageReport {
  readonly seed: number;
  readonly output: string;
  readonly status: 'made' | 'kept';
}

export interface GenerateReport {
  readonly model: GeneratorModel;
  readonly images: readonly ImageReport[];
}

/**
 * Makes the images one after another; those that an earlier run has made with the same settings are kept.
 * @throws {UsageError} if one would replace a file that no run has written; the signal's reason if interrupted
 */
export async function runGenerate(
  request: GenerateRequest,
  { stderr, signal }: GenerateEnvironment,
): Promise<GenerateReport> {
  const { output, count, condition, checkpoint, model } = request;
  await requireWritable(output);
  const journal = await BatchJournal.open(output);
  const planned = Array.from({ length: count }, (_, i) => {
    const name = `${nameOf(condition)}-seed${request.seed + i}.png`;
    return { seed: request.seed + i, name, file: path.join(output, name) };
  });
  for (const { file } of planned)
    if (await journal.isForeign(file))
      throw new UsageError(
        `Cannot write ${file}: there is a file of that name which no run has made; choose another folder with --output`,
      );
  const fingerprint = await fingerprintOf(request);
  const progress = new Progress(stderr, { total: count });
  const say = (line: string): void => progress.line(line);
  let loaded: { readonly generator: LoadedGenerator; readonly context: HostTensor } | undefined;
  const load = async () => {
    say(`Loading ${model} from ${checkpoint}`);
    const { size: imageSize, device, threads, memory } = request;
    const generator = await loadGenerator(checkpoint, {
      model,
      imageSize,
      device,
      threads,
      memory,
      onProgress: say,
    });
    const context = await generator.encode(condition);
    say(`Making images of ${generator.imageSize}×${generator.imageSize} on ${generator.device}`);
    return { generator, context };
  };
  const images: ImageReport[] = [];
  const startedMs = performance.now();
  try {
    for (const [done, { seed, name, file }] of planned.entries()) {
      signal.throwIfAborted();
      const counted = `[${done + 1}/${count}]`;
      const key = sha256(JSON.stringify([fingerprint, seed, name]));
      if (await journal.find(key)) {
        images.push({ seed, output: file, status: 'kept' });
        progress.total--;
        say(`${counted} ${file}: made already`);
        continue;
      }
      loaded ??= await untilAborted(load(), signal);
      const made = images.filter(({ status }) => status === 'made').length;
      const files = await untilAborted(
        makeImage(request, loaded, { seed, name, file }, signal, (label, fraction) =>
          progress.update(made + fraction, `${counted} ${name}: ${label}`),
        ),
        signal,
      );
      const digests = files.map((each) => ({
        path: path.relative(output, each.file),
        sha256: sha256(each.bytes),
      }));
      await journal.record({ key, files: digests, report: { seed } });
      for (const each of files) await writeFileAtomically(each.file, each.bytes);
      images.push({ seed, output: file, status: 'made' });
      say(`${counted} ${file}`);
    }
  } finally {
    progress.close();
    if (!signal.aborted) await loaded?.generator.release();
  }
  const made = images.filter(({ status }) => status === 'made').length;
  say(`${made} of ${count} made in ${formatDuration(performance.now() - startedMs)}`);
  return { model, images };
}

interface NamedBytes {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** One image's files: itself, and its states where they are asked for. */
async function makeImage(
  { steps, guidance: guidanceScale, states }: GenerateRequest,
  { generator, context }: { readonly generator: LoadedGenerator; readonly context: HostTensor },
  { seed, name, file }: { readonly seed: number; readonly name: string; readonly file: string },
  signal: AbortSignal,
  onProgress: (label: string, fraction: number) => void,
): Promise<NamedBytes[]> {
  const files: NamedBytes[] = [];
  const add = async (target: string, image: HostTensor): Promise<void> => {
    files.push({ file: target, bytes: await encodeImage(tensorToPixels(image), 'png') });
  };
  const keep = async ({ step, clean, noisy }: GenerationState): Promise<void> => {
    for (const [kind, latent] of Object.entries({ clean, noisy }))
      if (latent) {
        signal.throwIfAborted();
        await add(path.join(states!, kind, `step-${step}`, name), await generator.decode(latent));
      }
  };
  const image = await generator.generate(context, {
    seed,
    steps,
    guidanceScale,
    signal,
    onProgress: ({ label, fraction }) => onProgress(label, fraction),
    ...(states !== undefined && { onState: keep }),
  });
  await add(file, image);
  return files;
}

/** Everything that an image depends on but its seed. */
async function fingerprintOf(request: GenerateRequest): Promise<string> {
  const { condition, model, steps, guidance, size, states, checkpoint } = request;
  const weights = await describeFiles(path.join(checkpoint, model));
  const at = states === undefined ? null : path.relative(request.output, states);
  return JSON.stringify([
    await describeCondition(condition),
    weights,
    checkpoint,
    model,
    steps,
    guidance,
    size,
    at,
  ]);
}

const longestName = 60;

/** A text as the beginning of a file's name. */
function nameOf(condition: TextCondition): string {
  const text = 'text' in condition ? condition.text : path.parse(condition.embedding).name;
  const name = text
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, longestName)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'image' : name;
}
