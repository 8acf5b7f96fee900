/** Works through the photos, one call of the worker after another: the photo that is looked at first. */

import type { FaceBox } from '../../face/face-detector.ts';
import type { CallEvent } from '../bridge/messages.ts';
import { CallError, type WorkerBridge } from '../bridge/worker-bridge.ts';
import type { PageState } from './page-state.ts';
import type { PhotoItem } from './photo-item.ts';
import { TimeLeft } from './time-left.ts';

export class PhotoWork {
  readonly #state: PageState;
  readonly #bridge: WorkerBridge;
  readonly #time = new TimeLeft();
  #running: { readonly photo: PhotoItem; readonly controller: AbortController } | undefined;

  constructor(state: PageState, bridge: WorkerBridge) {
    this.#state = state;
    this.#bridge = bridge;
  }

  /** Starts what there is to do, unless it is under way. */
  async start(): Promise<void> {
    if (this.#state.working) return;
    this.#state.working = true;
    try {
      for (let photo = this.#next(); photo; photo = this.#next()) await this.#work(photo);
    } finally {
      this.#state.working = false;
      this.#state.secondsLeft = undefined;
      this.#state.download = undefined;
      this.#state.changed();
    }
  }

  /** Stops everything that is under way or waits. */
  cancel(): void {
    for (const photo of this.#state.photos) if (photo.needsWork) photo.stage = 'stopped';
    this.#running?.controller.abort();
    this.#state.changed();
  }

  /** What is computed of this photo is not wanted any more, as the photo has changed. */
  interrupt(photo: PhotoItem): void {
    if (this.#running?.photo === photo) this.#running.controller.abort();
  }

  /** The face in a box drawn by hand. */
  async draw(photo: PhotoItem, box: FaceBox): Promise<void> {
    const { source, found } = photo;
    try {
      const face = await this.#bridge.call('locate', { photo: source, model: this.#state.model, box });
      if (photo.found !== found) return; // it was turned meanwhile
      photo.addFace(face, true);
    } catch (error) {
      if (this.#isCancelled(error)) return;
      this.#fail(photo, error);
      return;
    }
    photo.resume();
    this.#state.changed();
    void this.start();
  }

  /** Measures again who a face looks like, at the photo's strength. */
  async measureIdentity(photo: PhotoItem): Promise<void> {
    const { strength } = photo;
    const faces = photo.faces.flatMap((item) =>
      item.result?.after && item.result.face ? [{ item, face: item.result.face }] : [],
    );
    if (faces.length > 0) {
      const asked = { faces: faces.map(({ face }) => face), strength };
      // Without an answer the warnings stay as they are: the worker was ended, or could not measure.
      const distances = await this.#bridge.call('identity', asked).catch(() => undefined);
      if (!distances || photo.strength !== strength) return;
      for (const [i, { item }] of faces.entries()) item.identityDistance = distances[i]!;
    }
    // A service has measured it at full strength.
    for (const item of photo.faces)
      if (item.result && !item.result.face)
        item.identityDistance = strength === 1 ? item.result.identityDistance : undefined;
    this.#state.changed();
  }

  #next(): PhotoItem | undefined {
    const { selected, photos } = this.#state;
    return selected?.needsWork ? selected : photos.find((photo) => photo.needsWork);
  }

  async #work(photo: PhotoItem): Promise<void> {
    const controller = new AbortController();
    this.#running = { photo, controller };
    const { signal } = controller;
    try {
      if (!photo.found) await this.#find(photo, signal);
      if (photo.found?.aligned) await this.#restoreAligned(photo, signal);
      else if (photo.pending.length > 0) await this.#restore(photo, signal);
      if (!photo.needsWork) photo.stage = 'done';
    } catch (error) {
      if (signal.aborted) {
        // Unless it was changed, and waits to be looked at again.
        if (photo.stage === 'finding' || photo.stage === 'restoring') photo.stage = 'stopped';
      } else {
        this.#fail(photo, error);
      }
    } finally {
      this.#running = undefined;
      this.#state.changed();
    }
  }

  #fail(photo: PhotoItem, error: unknown): void {
    const { code, message } =
      error instanceof CallError ? error : { code: 'other' as const, message: String(error) };
    photo.failure = { code, message };
    photo.stage = 'failed';
    this.#state.changed();
  }

  /** With all that the worker was asked for: it was ended. */
  #isCancelled(error: unknown): boolean {
    return error instanceof DOMException && error.name === 'AbortError';
  }

  #follow(photo: PhotoItem, more?: (event: CallEvent) => void): (event: CallEvent) => void {
    return (event) => {
      if (event.kind === 'download') {
        this.#state.download = event;
        this.#time.pause();
      } else this.#state.download = undefined;
      if (event.kind === 'progress') photo.progress = event.fraction;
      more?.(event);
      this.#state.secondsLeft = this.#time.left(this.#state.photos);
      this.#state.changed();
    };
  }

  async #find(photo: PhotoItem, signal: AbortSignal): Promise<void> {
    photo.stage = 'finding';
    photo.progress = 0;
    this.#state.changed();
    this.#time.begin();
    const asked = { photo: photo.source, model: this.#state.model };
    const found = await this.#bridge.call('find', asked, { signal, onEvent: this.#follow(photo) });
    signal.throwIfAborted();
    photo.take(found);
    this.#time.end('photo');
  }

  async #restore(photo: PhotoItem, signal: AbortSignal): Promise<void> {
    photo.stage = 'restoring';
    photo.progress = 0;
    this.#state.changed();
    const { seed, fidelity } = photo;
    // Those that are asked for although they are sharp go in a call of their own.
    const [first] = photo.pending;
    const faces = photo.pending.filter(({ force }) => force === first!.force);
    this.#time.begin();
    const onEvent = this.#follow(photo, (event) => {
      if (event.kind !== 'face') return;
      const face = faces[event.index]!;
      face.result = event.result;
      face.identityDistance = event.result.identityDistance;
      if (!event.result.after) face.force = false;
      this.#time.end('face');
      this.#time.begin();
    });
    const { device, fidelity: modelFidelity } = await this.#bridge.call(
      'restore',
      {
        photo: photo.source,
        model: this.#state.model,
        faces: faces.map(({ detected }) => detected),
        force: first!.force,
        seed,
        fidelity,
      },
      { signal, onEvent },
    );
    this.#state.device = device;
    this.#state.fidelity = modelFidelity;
  }

  async #restoreAligned(photo: PhotoItem, signal: AbortSignal): Promise<void> {
    photo.stage = 'restoring';
    photo.progress = 0;
    this.#state.changed();
    const { seed, fidelity, forceAligned: force } = photo;
    this.#time.begin();
    const {
      device,
      fidelity: modelFidelity,
      ...result
    } = await this.#bridge.call(
      'restoreAligned',
      { photo: photo.source, model: this.#state.model, force, seed, fidelity },
      { signal, onEvent: this.#follow(photo) },
    );
    signal.throwIfAborted();
    this.#time.end('face');
    this.#state.device = device;
    this.#state.fidelity = modelFidelity;
    photo.aligned = result;
  }
}
