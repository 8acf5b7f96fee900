/** Restores files one after another; a bad one is reported and the others are done. */

import { writeFileAtomically } from '../platform/node/atomic-write.ts';
import { encodeImage, type ImageFormat, readImageFile } from '../platform/node/image-file.ts';
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
import { restorePicture, sideBySide } from './restore-picture.ts';

export interface RestoreSettings {
  readonly inputs: readonly string[];
  readonly recursive: boolean;
  readonly outputFolder: string;
  readonly format: ImageFormat | 'input';
  readonly comparison: boolean;
  readonly checkpoint: string;
  readonly model: LoadRestorerOptions;
  readonly sampling: RestoreOptions;
}

export interface RestoreEnvironment {
  readonly loadRestorer: (checkpoint: string, options: LoadRestorerOptions) => Promise<Restorer>;
  /** for progress, and for what was noticed */
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** What became of one input. */
export interface FileReport {
  readonly input: string;
  /** 'skipped': the run ended before it, for the reason in the report's `error` */
  readonly status: 'done' | 'failed' | 'skipped';
  readonly output: string | null;
  readonly comparison: string | null;
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
  const outputs = planOutputFiles(requests, {
    folder: settings.outputFolder,
    comparison: settings.comparison,
  });
  await refuseToOverwriteInputs(outputs);

  const run = new Run(settings, environment, outputs.length);
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

const nothingDone = { output: null, comparison: null, error: null, ms: 0, dropped: [], notes: [] } as const;

/** The state of one command: the model once it is loaded, and what became of each file. */
class Run {
  readonly #settings: RestoreSettings;
  readonly #environment: RestoreEnvironment;
  readonly #progress: Progress;
  readonly #files: FileReport[] = [];
  readonly #startedMs = performance.now();
  #restorer: Restorer | undefined;
  #loadingMs = 0;
  #done = 0;
  #stoppedBy: unknown;

  constructor(settings: RestoreSettings, environment: RestoreEnvironment, total: number) {
    this.#settings = settings;
    this.#environment = environment;
    this.#progress = new Progress(environment.stderr, { total });
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
      const report = await this.#write(file, `${count} ${file.input.relativePath}`);
      const ms = Math.round(performance.now() - this.#loadingMs - startedMs);
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

  /** @param label names the file on the terminal */
  async #write(file: OutputFile, label: string): Promise<FileReport> {
    const image = await readImageFile(file.input.path);
    const restorer = await this.#load();
    const { signal } = this.#environment;
    const onProgress: RestoreOptions['onProgress'] = (progress) =>
      this.#progress.update(this.#done + progress.fraction, `${label}: ${progress.label}`);
    const options = { ...this.#settings.sampling, signal, onProgress };
    const restored = await untilAborted(restorePicture(image, restorer, options), signal).catch((error) => {
      const cause = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot restore ${file.input.path}: ${cause}`, { cause: error });
    });

    const { format, path, comparison = null } = file;
    const { profile } = image;
    if (comparison !== null) {
      const both = sideBySide(restored.input, restored.pixels);
      await writeFileAtomically(comparison, await encodeImage(both, format, { profile }));
    }
    const { alpha } = restored;
    await writeFileAtomically(path, await encodeImage(restored.pixels, format, { profile, alpha }));
    return {
      ...nothingDone,
      input: file.input.path,
      status: 'done',
      output: path,
      comparison,
      dropped: [...image.dropped, ...(alpha && format === 'jpeg' ? ['alpha (laid on white)'] : [])],
      notes: [...image.notes, ...restored.notes, ...file.notes],
    };
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
    if (!this.#environment.signal.aborted) await this.#restorer?.release();
    const failed = this.#files.filter(({ status }) => status === 'failed');
    const duration = formatDuration(performance.now() - this.#startedMs);
    this.#progress.line(`${this.#done} of ${this.#files.length} restored in ${duration}`);
    for (const { error } of failed) this.#progress.line(`  ${error}`);
    const stoppedBy = this.#stoppedBy;
    const error =
      stoppedBy instanceof Error ? stoppedBy.message : stoppedBy === undefined ? null : String(stoppedBy);
    return { report: { device: this.#restorer?.device ?? null, error, files: this.#files }, stoppedBy };
  }
}
