/** Restores files one after another; a bad one is reported and the others are done. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { FaceDescriber } from '../face/face-describer.ts';
import type { FaceDetector } from '../face/face-detector.ts';
import { toBytePixels } from '../image/pixels.ts';
import { writeFileAtomically } from '../platform/node/atomic-write.ts';
import { BatchJournal, describeFiles, hashFile, sha256 } from '../platform/node/batch-journal.ts';
import {
  encodeImage,
  type ImageFile,
  type ImageFormat,
  listLostIn,
  readImageFile,
} from '../platform/node/image-file.ts';
import { findInputFiles, type InputFile, readFileSignature } from '../platform/node/input-files.ts';
import type { LoadRestorerOptions } from '../platform/node/load-restorer.ts';
import type { RestoreOptions, Restorer } from '../restore/restorer.ts';
import { untilAborted } from './interruption.ts';
import {
  type OutputFile,
  type OutputRequest,
  planOutputFiles,
  refuseToOverwriteInputs,
} from './output-files.ts';
import { formatDuration, Progress, type ProgressStream } from './progress.ts';
import {
  type FaceReport,
  findSubject,
  type ImageSettings,
  type ImageTools,
  type RestoredImage,
  restoreSubject,
} from './restore-image.ts';
import { sideBySide } from './restore-picture.ts';

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
  readonly sampling: RestoreOptions;
  readonly image: ImageSettings;
}

export interface RestoreEnvironment {
  readonly loadRestorer: (checkpoint: string, options: LoadRestorerOptions) => Promise<Restorer>;
  readonly loadDetector: () => Promise<FaceDetector>;
  /** @param size of the faces */
  readonly loadDescriber: (size: number) => Promise<FaceDescriber>;
  /** for progress, and for what was noticed */
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** What became of one input. */
export interface FileReport {
  readonly input: string;
  /**
   * 'unchanged': there was nothing to restore, the result is the input; 'kept': an earlier run has done it; 'skipped':
   * the run ended before it, for the reason in the report's `error`
   */
  readonly status: 'done' | 'unchanged' | 'kept' | 'failed' | 'skipped';
  readonly output: string | null;
  readonly comparison: string | null;
  /** results of further seeds */
  readonly samples: readonly string[];
  /** null where the picture was taken as one aligned face */
  readonly faces: readonly FaceReport[] | null;
  readonly error: string | null;
  /** from reading to writing, without the time to load the model */
  readonly ms: number;
  /** what the input holds and the output does not */
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
}

export interface RestoreReport {
  /** null if no model was loaded */
  readonly device: string | null;
  /** why the run ended early: no model, or an interruption */
  readonly error: string | null;
  readonly files: readonly FileReport[];
}

export interface RestoreOutcome {
  readonly report: RestoreReport;
  /** what ended the run early */
  readonly stoppedBy?: unknown;
}

/**
 * Restores all pictures that `settings.inputs` name. The model is loaded when the first of them has been read.
 * @throws {UsageError} if a result would replace an input; nothing has been done then
 */
export async function restoreFiles(
  settings: RestoreSettings,
  environment: RestoreEnvironment,
): Promise<RestoreOutcome> {
  const found = await findInputFiles(settings.inputs, settings);
  const requests: OutputRequest[] = [];
  for (const file of found.files) requests.push(await requestOutput(file, settings.format));
  const { seed = 0 } = settings.sampling;
  const outputs = planOutputFiles(requests, {
    folder: settings.outputFolder,
    comparison: settings.comparison,
    moreSeeds: Array.from({ length: settings.samples - 1 }, (_, i) => seed + 1 + i),
  });
  await refuseToOverwriteInputs(outputs);

  const journal = await BatchJournal.open(settings.outputFolder);
  const run = new Run(settings, environment, { journal, total: outputs.length });
  for (const { path, message } of found.problems) run.fail(path, message);
  for (const [index, output] of outputs.entries())
    await run.restore(output, `[${index + 1}/${outputs.length}]`);
  return run.finish();
}

async function requestOutput(input: InputFile, format: RestoreSettings['format']): Promise<OutputRequest> {
  if (format !== 'input') return { input, format };
  // A GIF has too few colours for a restored face.
  const own = (await readFileSignature(input.path))?.format ?? 'png';
  return { input, format: own === 'gif' ? 'png' : own };
}

const nothingDone = {
  output: null,
  comparison: null,
  samples: [],
  faces: null,
  error: null,
  ms: 0,
  dropped: [],
  notes: [],
} as const;

/** A file to be written. */
interface Result {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The state of one command: what is loaded by now, and what became of each file. */
class Run {
  readonly #settings: RestoreSettings;
  readonly #environment: RestoreEnvironment;
  readonly #journal: BatchJournal;
  readonly #progress: Progress;
  readonly #files: FileReport[] = [];
  readonly #startedMs = performance.now();
  readonly #tools: ImageTools;
  /** the settings and weights that results depend on, as text */
  #fingerprint: string | undefined;
  #restorer: Restorer | undefined;
  #detector: FaceDetector | undefined;
  #describer: FaceDescriber | undefined;
  #loadingMs = 0;
  #done = 0;
  #stoppedBy: unknown;

  constructor(
    settings: RestoreSettings,
    environment: RestoreEnvironment,
    { journal, total }: { journal: BatchJournal; total: number },
  ) {
    this.#settings = settings;
    this.#environment = environment;
    this.#journal = journal;
    this.#progress = new Progress(environment.stderr, { total });
    this.#tools = {
      restorer: () => this.#load(),
      detector: async () => (this.#detector ??= await environment.loadDetector()),
      describer: async (size) => (this.#describer ??= await environment.loadDescriber(size)),
    };
  }

  fail(input: string, error: string): void {
    this.#files.push({ ...nothingDone, input, status: 'failed', error });
  }

  /** @param count e.g. '[2/7]' */
  async restore(file: OutputFile, count: string): Promise<void> {
    const { signal } = this.#environment;
    const startedMs = performance.now() - this.#loadingMs;
    try {
      signal.throwIfAborted();
      if (this.#stoppedBy !== undefined) throw this.#stoppedBy;
      const key = await this.#keyOf(file);
      const known = this.#settings.again ? undefined : await this.#journal.find(key);
      if (known) {
        this.#files.push({ ...(known as FileReport), input: file.input.path, status: 'kept' });
        this.#progress.total--;
        this.#progress.line(`${count} ${file.input.path}: done already (--again restores it anew)`);
        return;
      }
      const { report, results } = await this.#make(file, `${count} ${file.input.relativePath}`);
      const ms = Math.round(performance.now() - this.#loadingMs - startedMs);
      await this.#write(key, { ...report, ms }, results);
      this.#files.push({ ...report, ms });
      this.#done++;
      this.#progress.line(`${count} ${file.input.path} → ${file.path} (${formatDuration(ms)})`);
      if (report.dropped.length > 0) this.#progress.line(`  left out: ${report.dropped.join(', ')}`);
      for (const note of report.notes) this.#progress.line(`  ${note}`);
    } catch (error) {
      this.#progress.total--;
      if (signal.aborted) this.#stoppedBy = signal.reason;
      if (this.#stoppedBy !== undefined) {
        this.#files.push({ ...nothingDone, input: file.input.path, status: 'skipped' });
        return;
      }
      this.fail(file.input.path, error instanceof Error ? error.message : String(error));
      this.#progress.line(`${count} ${file.input.path}: failed`);
    }
  }

  /** Names a result by the bytes it is made from and everything it depends on. */
  async #keyOf({ input, ...output }: OutputFile): Promise<string> {
    const { checkpoint, model, sampling, image, metadata } = this.#settings;
    const { visualEncoder, spatialEncoder } = model;
    if (this.#fingerprint === undefined) {
      const weights = [checkpoint, visualEncoder, spatialEncoder].filter((file) => file !== undefined);
      const files = await Promise.all(weights.map(describeFiles));
      this.#fingerprint = JSON.stringify([files, sampling, image, metadata]);
    }
    const bytes = await hashFile(input.path).catch(() => 'unreadable');
    return sha256(JSON.stringify([bytes, this.#fingerprint, output]));
  }

  /** @param label names the file on the terminal */
  async #make(file: OutputFile, label: string): Promise<{ report: FileReport; results: Result[] }> {
    const image = await readImageFile(file.input.path, { deep: true });
    const { signal } = this.#environment;
    const { sampling, image: settings } = this.#settings;
    const runs = 1 + file.samples.length;
    const show = (run: number, what: string, fraction: number): void =>
      this.#progress.update(this.#done + (run + fraction) / runs, `${label}: ${what}`);
    const explain = (error: unknown): never => {
      const cause = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot restore ${file.input.path}: ${cause}`, { cause: error });
    };
    const searching = findSubject(image, settings, this.#tools, {
      signal,
      onProgress: () => show(0, 'looking for faces', 0),
    });
    const subject = await untilAborted(searching, signal).catch(explain);
    const restoreWith = async (run: number, seed: number | undefined): Promise<RestoredImage> => {
      const onProgress: RestoreOptions['onProgress'] = (progress) =>
        show(run, progress.label, progress.fraction);
      const options = { ...sampling, seed, signal, onProgress };
      return untilAborted(restoreSubject(image, subject, settings, this.#tools, options), signal).catch(
        explain,
      );
    };
    const first = await restoreWith(0, sampling.seed);
    const results = [{ path: file.path, bytes: await this.#encode(image, first, file) }];
    if (file.comparison !== undefined) results.push(await this.#compare(image, first, file));
    const notes = [...image.notes, ...first.notes];
    const samples: string[] = [];
    for (const [i, { seed, path: samplePath }] of (first.untouched ? [] : file.samples).entries()) {
      const next = await restoreWith(1 + i, seed);
      results.push({ path: samplePath, bytes: await this.#encode(image, next, file) });
      samples.push(samplePath);
      notes.push(...next.notes.slice(1).map((note) => `seed ${seed}, ${note}`));
    }
    const stripped = this.#settings.metadata === 'strip';
    const lost = listLostIn(file.format, stripped ? { ...image, metadata: {} } : image);
    const report: FileReport = {
      ...nothingDone,
      input: file.input.path,
      status: first.untouched ? 'unchanged' : 'done',
      output: file.path,
      comparison: file.comparison ?? null,
      samples,
      faces: subject.kind === 'photo' ? first.faces : null,
      dropped: [...image.dropped, ...lost],
      notes: [...notes, ...file.notes],
    };
    return { report, results };
  }

  /** What is untouched stays so to the byte, unless it has to change its format or lose its metadata. */
  async #encode(
    image: ImageFile,
    restored: RestoredImage,
    { format, input }: OutputFile,
  ): Promise<Uint8Array> {
    const keep = this.#settings.metadata === 'keep';
    if (restored.untouched && keep && format === image.format) return readFile(input.path);
    const { profile, metadata } = image;
    return encodeImage(restored.pixels, format, {
      profile,
      alpha: restored.alpha,
      ...(keep && { metadata }),
    });
  }

  async #compare(
    { profile }: ImageFile,
    restored: RestoredImage,
    { format, comparison }: OutputFile,
  ): Promise<Result> {
    const both = sideBySide(restored.input, toBytePixels(restored.pixels));
    return { path: comparison!, bytes: await encodeImage(both, format, { profile }) };
  }

  async #write(key: string, report: FileReport, results: readonly Result[]): Promise<void> {
    this.#environment.signal.throwIfAborted();
    const { outputFolder } = this.#settings;
    const files = results.map(({ path: file, bytes }) => ({
      path: path.relative(outputFolder, file),
      sha256: sha256(bytes),
    }));
    await this.#journal.record({ key, files, report });
    for (const { path: file, bytes } of results) await writeFileAtomically(file, bytes);
  }

  async #load(): Promise<Restorer> {
    if (this.#restorer) return this.#restorer;
    const { loadRestorer, signal } = this.#environment;
    const { checkpoint, model } = this.#settings;
    const startedMs = performance.now();
    this.#progress.line(`Loading the model from ${checkpoint}`);
    try {
      const onProgress = (message: string): void => this.#progress.line(`  ${message}`);
      this.#restorer = await untilAborted(loadRestorer(checkpoint, { ...model, onProgress }), signal);
    } catch (error) {
      this.#stoppedBy = error;
      throw error;
    }
    this.#loadingMs = performance.now() - startedMs;
    this.#progress.line(`Restoring on ${this.#restorer.device}`);
    return this.#restorer;
  }

  async finish(): Promise<RestoreOutcome> {
    this.#progress.close();
    // An interrupted network call may still be running; the process is about to end.
    if (!this.#environment.signal.aborted) {
      await this.#restorer?.release();
      await this.#detector?.release();
      await this.#describer?.release();
    }
    const failed = this.#files.filter(({ status }) => status === 'failed');
    const duration = formatDuration(performance.now() - this.#startedMs);
    const kept = this.#files.filter(({ status }) => status === 'kept').length;
    const before = kept > 0 ? `, ${kept} done before` : '';
    this.#progress.line(`${this.#done} of ${this.#files.length} restored in ${duration}${before}`);
    for (const { error } of failed) this.#progress.line(`  ${error}`);
    const stoppedBy = this.#stoppedBy;
    const error =
      stoppedBy instanceof Error ? stoppedBy.message : stoppedBy === undefined ? null : String(stoppedBy);
    return { report: { device: this.#restorer?.device ?? null, error, files: this.#files }, stoppedBy };
  }
}
