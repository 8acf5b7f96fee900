/** Restores files one after another; a bad one is reported and the others are done. */

import path from 'node:path';
import { requireWritable, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { BatchJournal, describeFiles, sha256 } from '../../platform/node/files/batch-journal.ts';
import { findInputFiles, type InputFile, readFileSignature } from '../../platform/node/files/input-files.ts';
import { readImageBytes } from '../../platform/node/picture/image-file.ts';
import { adviseOn, withAdvice } from '../terminal/advice.ts';
import {
  type OutputFile,
  type OutputRequest,
  pathsOf,
  planOutputFiles,
  refuseToOverwriteInputs,
} from '../terminal/output-files.ts';
import { formatDuration, Progress, type ProgressStream } from '../terminal/progress.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { LoadedNetworks, type NetworkLoaders } from './loaded-networks.ts';
import { type FileReport, makeResults, nothingDone, type Result } from './restore-results.ts';
import type { RestoreSettings } from './restore-settings.ts';

export interface RestoreEnvironment extends NetworkLoaders {
  /** for progress, and for what was noticed */
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
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
 * @throws {UsageError} if a result would replace an input, or several pictures share a mask, Error if the output folder
 *   cannot be written; nothing has been done then
 */
export async function restoreFiles(
  settings: RestoreSettings,
  environment: RestoreEnvironment,
): Promise<RestoreOutcome> {
  const found = await findInputFiles(settings.inputs, settings);
  const { mask } = settings.image.inpaint ?? {};
  if (mask !== undefined && found.files.length > 1)
    throw new UsageError(`--mask ${mask} is for one picture, not for ${found.files.length}`);
  const requests: OutputRequest[] = [];
  for (const file of found.files) requests.push(await requestOutput(file, settings.format));
  const journal = await BatchJournal.open(settings.outputFolder);
  const outputs = await planOutputs(requests, settings, journal);
  const run = new Run(settings, environment, { journal, total: outputs.length });
  for (const { path, message, failure } of found.problems) run.fail(path, withAdvice(message, failure));
  for (const [index, output] of outputs.entries())
    await run.restore(output, `[${index + 1}/${outputs.length}]`);
  return run.finish();
}

/** Names that take nobody's file away: neither an input's nor one that no run of ours has written. */
async function planOutputs(
  requests: readonly OutputRequest[],
  { outputFolder, comparison, samples, sampling: { seed = 0 } }: RestoreSettings,
  journal: BatchJournal,
): Promise<OutputFile[]> {
  const moreSeeds = Array.from({ length: samples - 1 }, (_, i) => seed + 1 + i);
  const plan = (foreign: readonly string[]) =>
    planOutputFiles(requests, { folder: outputFolder, comparison, moreSeeds, foreign });
  const foreign: string[] = [];
  let outputs = plan(foreign);
  await refuseToOverwriteInputs(outputs);
  // Before any work: a restoration takes long, and would be lost.
  await requireWritable(outputFolder);
  const checked = new Set<string>();
  for (let settled = false; !settled; ) {
    settled = true;
    for (const path of outputs.flatMap(pathsOf)) {
      if (checked.has(path)) continue;
      checked.add(path);
      if (!(await journal.isForeign(path))) continue;
      foreign.push(path);
      settled = false;
    }
    if (!settled) outputs = plan(foreign);
  }
  return outputs;
}

async function requestOutput(input: InputFile, format: RestoreSettings['format']): Promise<OutputRequest> {
  if (format !== 'input') return { input, format };
  // A GIF has too few colours for a restored face.
  const own = (input.signature ?? (await readFileSignature(input.path)))?.format ?? 'png';
  return { input, format: own === 'gif' ? 'png' : own };
}

/** The state of one command: what is loaded by now, and what became of each file. */
class Run {
  readonly #settings: RestoreSettings;
  readonly #environment: RestoreEnvironment;
  readonly #journal: BatchJournal;
  readonly #progress: Progress;
  readonly #files: FileReport[] = [];
  readonly #startedMs = performance.now();
  readonly #networks: LoadedNetworks;
  /** the settings and weights that results depend on, as text */
  #fingerprint: string | undefined;
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
    this.#networks = new LoadedNetworks(settings, environment, (line) => this.#progress.line(line));
  }

  fail(input: string, error: string): void {
    this.#files.push({ ...nothingDone, input, status: 'failed', error });
  }

  /** @param count e.g. '[2/7]' */
  async restore(file: OutputFile, count: string): Promise<void> {
    const { signal } = this.#environment;
    const startedMs = performance.now() - this.#networks.loadingMs;
    try {
      signal.throwIfAborted();
      if (this.#stoppedBy !== undefined) throw this.#stoppedBy;
      const bytes = await readImageBytes(file.input.path);
      const key = await this.#keyOf(file, bytes);
      const known = this.#settings.again ? undefined : await this.#journal.find(key);
      if (known) {
        this.#files.push({ ...(known as FileReport), input: file.input.path, status: 'kept' });
        this.#progress.total--;
        this.#progress.line(`${count} ${file.input.path}: done already (--again restores it anew)`);
        return;
      }
      const { report, results } = await makeResults(file, bytes, this.#settings, this.#networks, {
        signal,
        onProgress: (what, fraction) =>
          this.#progress.update(this.#done + fraction, `${count} ${file.input.relativePath}: ${what}`),
      });
      const ms = Math.round(performance.now() - this.#networks.loadingMs - startedMs);
      await this.#write(key, { ...report, ms }, results);
      this.#files.push({ ...report, ms });
      this.#done++;
      this.#progress.line(`${count} ${file.input.path} → ${file.path} (${formatDuration(ms)})`);
      if (report.dropped.length > 0) this.#progress.line(`  left out: ${report.dropped.join(', ')}`);
      for (const note of report.notes) this.#progress.line(`  ${note}`);
    } catch (error) {
      this.#progress.total--;
      this.#stoppedBy = signal.aborted ? signal.reason : this.#networks.failure;
      if (this.#stoppedBy !== undefined) {
        this.#files.push({ ...nothingDone, input: file.input.path, status: 'skipped' });
        return;
      }
      this.fail(file.input.path, adviseOn(error));
      this.#progress.line(`${count} ${file.input.path}: failed`);
    }
  }

  /** Names a result by the bytes it is made from and everything it depends on. */
  async #keyOf({ input: _, ...output }: OutputFile, bytes: Uint8Array): Promise<string> {
    const { checkpoint, model, networks, sampling, image, metadata } = this.#settings;
    const { visualEncoder, spatialEncoder, onnx } = model;
    if (this.#fingerprint === undefined) {
      const { detector, parser, upscaler } = networks;
      const named = [
        checkpoint,
        visualEncoder,
        spatialEncoder,
        detector,
        parser,
        upscaler,
        image.inpaint?.mask,
      ];
      const files = await Promise.all(named.map((file) => (file === undefined ? '' : describeFiles(file))));
      this.#fingerprint = JSON.stringify([files, sampling, image, metadata, ...(onnx ? [onnx] : [])]);
    }
    return sha256(JSON.stringify([sha256(bytes), this.#fingerprint, output]));
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

  async finish(): Promise<RestoreOutcome> {
    this.#progress.close();
    await this.#networks.release();
    const failed = this.#files.filter(({ status }) => status === 'failed');
    const duration = formatDuration(performance.now() - this.#startedMs);
    const kept = this.#files.filter(({ status }) => status === 'kept').length;
    const before = kept > 0 ? `, ${kept} done before` : '';
    const unchanged = this.#files.filter(({ status }) => status === 'unchanged').length;
    const left = unchanged > 0 ? `, ${unchanged} left as ${unchanged === 1 ? 'it was' : 'they were'}` : '';
    const restored = this.#done - unchanged;
    this.#progress.line(`${restored} of ${this.#files.length} restored in ${duration}${left}${before}`);
    for (const { error } of failed) this.#progress.line(`  ${error}`);
    const stoppedBy = this.#stoppedBy;
    const error = stoppedBy === undefined ? null : adviseOn(stoppedBy);
    return { report: { device: this.#networks.device, error, files: this.#files }, stoppedBy };
  }
}
