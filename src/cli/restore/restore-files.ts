/**
 * Restores files one after another; a bad one is reported and the others are done. While faces are restored, the next
 * file is read and looked through, and the last one encoded and written.
 */

import path from 'node:path';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { BatchJournal, describeFiles, sha256 } from '../../platform/node/files/batch-journal.ts';
import { findInputFiles } from '../../platform/node/files/input-files.ts';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { describeCondition } from '../../platform/node/model/text-context.ts';
import { readImageBytes } from '../../platform/node/picture/image-file.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { adviseOn, withAdvice } from '../terminal/advice.ts';
import type { OutputFile } from '../terminal/output-files.ts';
import { formatDuration, Progress, type ProgressStream } from '../terminal/progress.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { LoadedNetworks, type NetworkLoaders } from './loaded-networks.ts';
import { planOutputs } from './plan-outputs.ts';
import { encodeResults, type FileReport, nothingDone, type Result } from './restore-results.ts';
import type { RestoreSettings } from './restore-settings.ts';
import { type OpenedPicture, openPicture, type RestoredPicture, restoreOpened } from './restored-picture.ts';

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
  const journal = await BatchJournal.open(settings.outputFolder);
  const outputs = await planOutputs(found.files, settings, journal);
  const run = new Run(settings, environment, { journal, total: outputs.length });
  for (const { path, message, failure } of found.problems) run.fail(path, withAdvice(message, failure));
  for (const [index, output] of outputs.entries())
    await run.restore(output, `[${index + 1}/${outputs.length}]`, outputs[index + 1]);
  return run.finish();
}

/** What has been restored is not thrown away, if it is encoded in this time after an interruption. */
const encodingPatienceMs = 120;

/** A file that an earlier run has restored. */
interface KnownFile {
  readonly known: FileReport;
}

/** A file that was read and looked through. */
interface OpenedFile {
  readonly known?: undefined;
  readonly bytes: Uint8Array;
  /** see `BatchJournal` */
  readonly key: string;
  readonly picture: OpenedPicture;
  /** spent so far */
  readonly ms: number;
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
  /** The file that comes next, being opened. */
  #opening: Promise<KnownFile | OpenedFile> | undefined;
  /** When the file before is written; never rejects. */
  #written: Promise<void> = Promise.resolve();
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

  /**
   * @param count e.g. '[2/7]'
   * @param next what will be asked for after it
   */
  async restore(file: OutputFile, count: string, next: OutputFile | undefined): Promise<void> {
    const { signal } = this.#environment;
    const onProgress = (what: string, fraction: number): void =>
      this.#progress.update(this.#done + fraction, `${count} ${file.input.relativePath}: ${what}`);
    try {
      const opening = this.#opening ?? this.#open(file);
      this.#opening = undefined;
      onProgress('looking for faces', 0);
      const opened = await opening;
      if (next) {
        this.#opening = this.#open(next);
        this.#opening.catch(() => {}); // told when its turn comes
      }
      if (opened.known) {
        await this.#written;
        this.#files.push({ ...opened.known, input: file.input.path, status: 'kept' });
        this.#progress.total--;
        this.#progress.line(`${count} ${file.input.path}: done already (--again restores it anew)`);
        return;
      }
      const startedMs = this.#now();
      const restored = await restoreOpened(file, opened.picture, this.#settings, this.#networks, {
        signal,
        onProgress,
      });
      await this.#written;
      const ms = opened.ms + this.#now() - startedMs;
      this.#written = this.#finish(file, count, { ...opened, picture: restored, ms });
    } catch (error) {
      await this.#written;
      this.#giveUp(file, count, error);
    }
  }

  /** Reads a picture and looks for its faces, unless an earlier run has restored it. */
  async #open(file: OutputFile): Promise<KnownFile | OpenedFile> {
    const { signal } = this.#environment;
    signal.throwIfAborted();
    if (this.#stoppedBy !== undefined) throw this.#stoppedBy;
    const startedMs = this.#now();
    const bytes = await readImageBytes(file.input.path, this.#settings.image);
    const key = await this.#keyOf(file, bytes);
    const known = this.#settings.again ? undefined : await this.#journal.find(key);
    if (known) return { known: known as FileReport };
    const opening = openPicture(file, bytes, this.#settings, this.#networks, {
      signal,
      onProgress: () => {},
    });
    this.#networks.loadAhead();
    const picture = await opening;
    return { bytes, key, picture, ms: this.#now() - startedMs };
  }

  /** Encodes what was restored, and writes it. */
  async #finish(
    file: OutputFile,
    count: string,
    { bytes, key, picture, ms: soFarMs }: OpenedFile & { readonly picture: RestoredPicture },
  ): Promise<void> {
    const { signal } = this.#environment;
    try {
      const startedMs = performance.now();
      const encoding = encodeResults(file, bytes, picture, this.#settings).catch((cause: unknown) => {
        throw new Error(`Cannot write ${file.path}: ${explainSystemError(cause)}`, { cause });
      });
      const { report, results } = await untilAborted(encoding, signal, encodingPatienceMs);
      const ms = Math.max(Math.round(soFarMs + performance.now() - startedMs), 0);
      await this.#write(key, { ...report, ms }, results);
      this.#files.push({ ...report, ms });
      this.#done++;
      this.#progress.line(`${count} ${file.input.path} → ${file.path} (${formatDuration(ms)})`);
      if (report.dropped.length > 0) this.#progress.line(`  left out: ${report.dropped.join(', ')}`);
      for (const note of report.notes) this.#progress.line(`  ${note}`);
    } catch (error) {
      this.#giveUp(file, count, error);
    }
  }

  #giveUp(file: OutputFile, count: string, error: unknown): void {
    const { signal } = this.#environment;
    this.#progress.total--;
    this.#stoppedBy = signal.aborted ? signal.reason : this.#networks.failure;
    if (this.#stoppedBy !== undefined) {
      this.#files.push({ ...nothingDone, input: file.input.path, status: 'skipped' });
      return;
    }
    this.fail(file.input.path, adviseOn(error));
    this.#progress.line(`${count} ${file.input.path}: failed`);
  }

  /** Milliseconds, without those that the model took to load. */
  #now(): number {
    return performance.now() - this.#networks.loadingMs;
  }

  /** Names a result by the bytes it is made from and everything it depends on. */
  async #keyOf({ input: _, ...output }: OutputFile, bytes: Uint8Array): Promise<string> {
    const { checkpoint, model, networks, sampling, image, metadata } = this.#settings;
    const { visualEncoder, spatialEncoder, onnx, condition } = model;
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
      // What may be read changes nothing about what is made of it.
      const making = { ...image, maxPixels: undefined };
      const others = [...(onnx ? [onnx] : []), ...(condition ? [await describeCondition(condition)] : [])];
      this.#fingerprint = JSON.stringify([files, sampling, making, metadata, ...others]);
    }
    return sha256(JSON.stringify([sha256(bytes), this.#fingerprint, output]));
  }

  async #write(key: string, report: FileReport, results: readonly Result[]): Promise<void> {
    const { outputFolder } = this.#settings;
    const files = results.map(({ path: file, bytes }) => ({
      path: path.relative(outputFolder, file),
      sha256: sha256(bytes),
    }));
    await this.#journal.record({ key, files, report });
    for (const { path: file, bytes } of results) await writeFileAtomically(file, bytes);
  }

  async finish(): Promise<RestoreOutcome> {
    await this.#written;
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
