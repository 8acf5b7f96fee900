/** The networks of one command: each loaded when it is first needed, all let go together. */

import type { FaceDescriber } from '../../face/face-describer.ts';
import type { FaceDetector } from '../../face/face-detector.ts';
import type { FaceParser } from '../../face/face-parser.ts';
import type { LoadRestorerOptions } from '../../platform/node/model/load-restorer.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import type { PhotoTools } from '../../restore/photo/find-subject.ts';
import type { Restorer } from '../../restore/restorer.ts';
import type { Upscaler } from '../../restore/upscaler.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { RestoreSettings } from './restore-settings.ts';

export interface NetworkLoaders {
  readonly loadRestorer: (checkpoint: string, options: LoadRestorerOptions) => Promise<Restorer>;
  /** @param file of RetinaFace; the built-in detector without one */
  readonly loadDetector: (file?: string) => Promise<FaceDetector>;
  /** @param size of the faces */
  readonly loadDescriber: (size: number) => Promise<FaceDescriber>;
  readonly loadParser: (file: string) => Promise<FaceParser>;
  readonly loadUpscaler: (file: string) => Promise<Upscaler>;
}

interface Network {
  release(): Promise<void>;
}

export class LoadedNetworks implements PhotoTools {
  /** Spent on waiting for the model. */
  loadingMs = 0;
  /** The device in use, once the model is there. */
  device: string | null = null;
  /** Why a network could not be loaded: nothing can be done without it. */
  failure: unknown;
  readonly #settings: Pick<RestoreSettings, 'checkpoint' | 'model' | 'networks' | 'sampling' | 'image'>;
  readonly #environment: NetworkLoaders & { readonly signal: AbortSignal };
  readonly #say: (line: string) => void;
  readonly #loaded = new Map<string, Promise<Network>>();

  constructor(
    settings: Pick<RestoreSettings, 'checkpoint' | 'model' | 'networks' | 'sampling' | 'image'>,
    environment: NetworkLoaders & { readonly signal: AbortSignal },
    say: (line: string) => void,
  ) {
    this.#settings = settings;
    this.#environment = environment;
    this.#say = say;
  }

  async restorer(): Promise<Restorer> {
    const startedMs = performance.now();
    const restorer = await this.#restorer();
    this.loadingMs += performance.now() - startedMs;
    return restorer;
  }

  /** Loads the embedded model beside looking for faces: it is small, and nearly every photo shows one. */
  loadAhead(): void {
    const { checkpoint } = this.#settings;
    if (checkpoint === embeddedModel) this.#restorer().catch(() => {}); // told to whoever asks for it
  }

  #restorer(): Promise<Restorer> {
    const { checkpoint, model, sampling } = this.#settings;
    return this.#once('restorer', async () => {
      this.#say(`Loading the model from ${checkpoint}`);
      const onProgress = (message: string): void => this.#say(`  ${message}`);
      const restorer = await this.#environment.loadRestorer(checkpoint, { ...model, onProgress });
      if (sampling.fidelity !== undefined && restorer.fidelity === undefined) {
        await restorer.release();
        throw new UsageError(`--fidelity ${sampling.fidelity}: the model in ${checkpoint} does not have it`);
      }
      this.device = restorer.device;
      this.#say(`Restoring on ${restorer.device}`);
      return restorer;
    });
  }

  detector(): Promise<FaceDetector> {
    return this.#once('detector', () => this.#environment.loadDetector(this.#settings.networks.detector));
  }

  describer(size: number): Promise<FaceDescriber> {
    return this.#once('describer', () => this.#environment.loadDescriber(size));
  }

  async parser(): Promise<FaceParser | undefined> {
    const { parser } = this.#settings.networks;
    return parser === undefined
      ? undefined
      : this.#once('parser', () => this.#environment.loadParser(parser));
  }

  async upscaler(): Promise<Upscaler | undefined> {
    const { upscaler } = this.#settings.networks;
    const { upscale = 1 } = this.#settings.image.photo;
    if (upscaler === undefined) return undefined;
    return this.#once('upscaler', async () => {
      const loaded = await this.#environment.loadUpscaler(upscaler);
      if (loaded.scale === upscale) return loaded;
      await loaded.release();
      throw new UsageError(
        `--background ${upscaler} makes photos ${loaded.scale} times as large, not ${upscale} as --upscale asks: take --upscale ${loaded.scale}`,
      );
    });
  }

  async release(): Promise<void> {
    // An interrupted network call may still be running; the process is about to end.
    if (this.#environment.signal.aborted) return;
    for (const network of this.#loaded.values())
      await network.then((loaded) => loaded.release()).catch(() => {});
  }

  #once<Loaded extends Network>(name: string, load: () => Promise<Loaded>): Promise<Loaded> {
    const known = this.#loaded.get(name) as Promise<Loaded> | undefined;
    if (known) return known;
    const loading = untilAborted(load(), this.#environment.signal).catch((error: unknown) => {
      this.failure = error;
      throw error;
    });
    this.#loaded.set(name, loading);
    return loading;
  }
}
