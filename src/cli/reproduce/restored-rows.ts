/** Restores the rows of a table that are this program's own, into folders that later runs find. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { describeFiles, sha256 } from '../../platform/node/files/batch-journal.ts';
import { makeFolder } from '../../platform/node/files/make-folder.ts';
import { type RestoredSet, restoreSet } from '../../platform/node/measure/restore-set.ts';
import type { LoadRestorerOptions } from '../../platform/node/model/load-restorer.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import { restorePicture } from '../../restore/photo/restore-picture.ts';
import type { Restorer } from '../../restore/restorer.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import type { EvaluateEnvironment } from '../evaluate/run-evaluate.ts';
import type { MetricSession } from '../evaluate/with-metrics.ts';
import { adviseOn } from '../terminal/advice.ts';

/** What restores, and where results go. */
export interface ModelRequest {
  readonly output: string;
  readonly model: { readonly checkpoint: string; readonly options: LoadRestorerOptions };
  readonly sampling: { readonly seed?: number; readonly steps?: number };
}

export class RestoredRows {
  readonly #request: ModelRequest;
  readonly #signal: AbortSignal;
  #restorer: Promise<Restorer> | undefined;
  #model: string | undefined;
  #imageSize: number | undefined;

  constructor(request: ModelRequest, { signal }: Pick<EvaluateEnvironment, 'signal'>) {
    this.#request = request;
    this.#signal = signal;
  }

  /** What restored, once something was. */
  get description(): string | undefined {
    const size = this.#imageSize === undefined ? '' : `, ${this.#imageSize} x ${this.#imageSize} pixels`;
    return this.#model && this.#model + size;
  }

  /**
   * Restores a set for a row, but for what is there already.
   * @throws {Error} if what is there was made with other weights or settings
   */
  async make(
    { name, startStep }: { readonly name: string; readonly startStep?: number },
    { set, pictures }: { readonly set: string; readonly pictures: string },
    { progress, onPicture }: MetricSession,
    what: string,
  ): Promise<RestoredSet & { readonly folder: string }> {
    const folder = path.join(this.#request.output, 'restored', name, set);
    await this.#requireSame(folder, pictures, startStep);
    progress.line(`Restoring ${what}`);
    const signal = this.#signal;
    const sampling = { ...this.#request.sampling, startStep, signal };
    const restored = await untilAborted(
      restoreSet({
        pictures,
        output: folder,
        restore: async (image) =>
          restorePicture(image.pixels, await this.#load((line) => progress.line(line)), sampling),
        onPicture,
        onFailed: (_, error) => progress.line(`not restored: ${adviseOn(error)}`),
        signal,
      }),
      signal,
    );
    return { ...restored, folder };
  }

  /** Results of one folder are all made with the same weights, settings and pictures. */
  async #requireSame(folder: string, pictures: string, startStep: number | undefined): Promise<void> {
    const { model, sampling } = this.#request;
    const { checkpoint, options } = model;
    const files = [checkpoint, options.visualEncoder, options.spatialEncoder].filter(
      (file) => file !== undefined,
    );
    const described = await Promise.all(files.map(describeFiles));
    this.#model = checkpoint === embeddedModel ? 'the embedded model' : files.join(', ');
    const settings = {
      model: this.#model,
      files: sha256(described.join('\n')),
      pictures: path.resolve(pictures),
      onnx: options.onnx,
      ...sampling,
      startStep,
    };
    const file = `${folder}.json`;
    const text = `${JSON.stringify(settings, null, 2)}\n`;
    const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (known !== undefined && known !== text)
      throw new Error(
        `the pictures in ${folder} were restored with other weights, settings or from other pictures (${file}). Choose another --output, or take them away`,
      );
    await makeFolder(folder);
    if (known === undefined) await writeFileAtomically(file, text);
  }

  async #load(say: (line: string) => void): Promise<Restorer> {
    const { checkpoint, options } = this.#request.model;
    this.#restorer ??= (async () => {
      const { loadRestorer } = await import('../../platform/node/model/load-restorer.ts');
      say(`Loading the model from ${checkpoint}`);
      const restorer = await loadRestorer(checkpoint, { ...options, onProgress: say });
      say(`Restoring on ${restorer.device}`);
      this.#imageSize = restorer.imageSize;
      return restorer;
    })();
    return this.#restorer;
  }

  async release(): Promise<void> {
    // An interrupted network call may still be running; the process is about to end.
    if (this.#signal.aborted) return;
    await this.#restorer?.then((restorer) => restorer.release()).catch(() => {});
  }
}
