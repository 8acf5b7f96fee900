/** Restores videos, each to a file of its own. */

import path from 'node:path';
import { BatchJournal, describeFiles, hashFile, sha256 } from '../../platform/node/files/batch-journal.ts';
import { describeCondition } from '../../platform/node/model/text-context.ts';
import { restoreVideo } from '../../platform/node/video/restore-video.ts';
import type { VideoKeys } from '../../platform/node/video/video-journal.ts';
import type { VideoOptions, VideoProgress, VideoReport } from '../../platform/node/video/video-request.ts';
import { adviseOn } from '../terminal/advice.ts';
import { formatDuration, Progress } from '../terminal/progress.ts';
import { LoadedNetworks } from './loaded-networks.ts';
import { planVideos } from './plan-videos.ts';
import type { RestoreEnvironment } from './restore-files.ts';
import type { RestoreSettings } from './restore-settings.ts';

interface VideoFileReport extends Partial<VideoReport> {
  readonly input: string;
  readonly output: string;
  /** 'unchanged': there was nothing to restore; 'kept': an earlier run has done it */
  readonly status: 'done' | 'unchanged' | 'kept' | 'failed';
  readonly error: string | null;
  readonly ms: number;
}

export interface VideosOutcome {
  readonly report: { readonly videos: readonly VideoFileReport[] };
  readonly stoppedBy?: unknown;
}

/**
 * @param settings its output is a folder, or for a single video the file to write
 * @throws {UsageError} if a result would replace its input, or another result, Error if its folder cannot be written
 */
export async function restoreVideos(
  settings: Pick<
    RestoreSettings,
    'inputs' | 'outputFolder' | 'again' | 'checkpoint' | 'model' | 'networks' | 'sampling' | 'image'
  >,
  environment: RestoreEnvironment,
): Promise<VideosOutcome> {
  const plan = await planVideos(settings);
  const progress = new VideoLines(environment);
  const loaded = new LoadedNetworks(settings, environment, (line) => progress.line(line));
  const videos: VideoFileReport[] = [];
  try {
    for (const { input, output, format, inFolder, notes } of plan) {
      const startedMs = performance.now();
      const finished = (): number => Math.round(performance.now() - startedMs);
      try {
        const keys = await keysOf(input, settings);
        const result = inFolder ? await ResultInFolder.open(output, keys) : undefined;
        const known = settings.again ? undefined : await result?.find();
        if (known) {
          videos.push({ ...known, input, output, status: 'kept', error: null, ms: finished() });
          progress.line(`${input}: done already (--again restores it anew)`);
          continue;
        }
        const options: VideoOptions = {
          ...settings.sampling,
          ...settings.image.photo,
          minSize: settings.image.selection.minSize,
          minScore: settings.image.selection.minScore,
          signal: environment.signal,
        };
        const restored = await restoreVideo({
          input,
          output,
          format,
          options,
          keys,
          tools: loaded,
          onProgress: (step) => progress.update(input, step),
          onResult: async (done) => result?.record(done),
        });
        const report = { ...restored, notes: [...notes, ...restored.notes] };
        const status = report.unchanged ? 'unchanged' : 'done';
        videos.push({ ...report, input, output, status, error: null, ms: finished() });
        progress.done(input, output, report, finished());
      } catch (error) {
        progress.close();
        if (environment.signal.aborted) {
          progress.line(`What is done of ${input} is kept; the same command goes on from there`);
          return { report: { videos }, stoppedBy: environment.signal.reason };
        }
        const message = adviseOn(error);
        videos.push({ input, output, status: 'failed', error: message, ms: finished() });
        progress.line(message);
      }
    }
    return { report: { videos } };
  } finally {
    progress.close();
    await loaded.release();
  }
}

/** What the journal of a folder of results knows of one. */
class ResultInFolder {
  readonly #output: string;
  readonly #key: string;
  readonly #journal: BatchJournal;

  private constructor(output: string, key: string, journal: BatchJournal) {
    this.#output = output;
    this.#key = key;
    this.#journal = journal;
  }

  static async open(output: string, keys: VideoKeys): Promise<ResultInFolder> {
    const key = sha256(JSON.stringify([keys, path.basename(output)]));
    return new ResultInFolder(output, key, await BatchJournal.open(path.dirname(output)));
  }

  /** The report of an earlier run, if its result is there as it was written. */
  async find(): Promise<VideoReport | undefined> {
    return (await this.#journal.find(this.#key)) as VideoReport | undefined;
  }

  async record(report: VideoReport): Promise<void> {
    const files = [{ path: path.basename(this.#output), sha256: await hashFile(this.#output) }];
    await this.#journal.record({ key: this.#key, files, report });
  }
}

/** Another video, other weights or other settings begin anew. */
async function keysOf(
  input: string,
  {
    checkpoint,
    model,
    networks,
    sampling,
    image,
  }: Pick<RestoreSettings, 'checkpoint' | 'model' | 'networks' | 'sampling' | 'image'>,
): Promise<VideoKeys> {
  const { minSize, minScore } = image.selection;
  const describe = (file?: string): Promise<string> | string =>
    file === undefined ? '' : describeFiles(file);
  const { visualEncoder, spatialEncoder, onnx, condition } = model;
  const others = [...(onnx ? [onnx] : []), ...(condition ? [await describeCondition(condition)] : [])];
  const weights = await Promise.all(
    [checkpoint, visualEncoder, spatialEncoder, networks.parser].map(describe),
  );
  const searched = await Promise.all([input, networks.detector].map(describe));
  return {
    search: sha256(JSON.stringify([searched, minSize, minScore])),
    restoration: sha256(JSON.stringify([weights, sampling, image.photo, ...others])),
  };
}

const phases = { find: 'looking for faces', restore: 'restoring', join: 'joining' } as const;

/** One bar for each phase of each video: their paces differ. */
class VideoLines {
  readonly #environment: RestoreEnvironment;
  #progress: Progress | undefined;
  #shown = '';

  constructor(environment: RestoreEnvironment) {
    this.#environment = environment;
  }

  update(input: string, { phase, frame, frames }: VideoProgress): void {
    const shown = `${input}: ${phases[phase]}`;
    if (shown !== this.#shown) {
      this.close();
      this.#progress = new Progress(this.#environment.stderr, { total: frames });
      this.#shown = shown;
    }
    this.#progress!.total = frames;
    this.#progress!.update(frame, `${shown}, frame ${frame} of ${frames}`);
  }

  done(input: string, output: string, report: VideoReport, ms: number): void {
    this.close();
    this.line(`${input} → ${output} (${formatDuration(ms)})`);
    if (report.resumedFrames > 0) this.line(`  ${report.resumedFrames} frames were restored before`);
    for (const { track, firstFrame, frames, size, status } of report.tracks) {
      const left = status === 'sharp' ? ': sharp already, left alone (--force restores it)' : '';
      this.line(
        `  face ${track}: frames ${firstFrame} to ${firstFrame + frames - 1}, about ${size} pixels${left}`,
      );
    }
    for (const note of report.notes) this.line(`  ${note}`);
    if (report.tracks.length === 0) this.line('  try a smaller --min-size or --min-score');
  }

  line(text: string): void {
    const progress = this.#progress ?? new Progress(this.#environment.stderr, { total: 1 });
    progress.line(text);
  }

  close(): void {
    this.#progress?.close();
    this.#shown = '';
  }
}
