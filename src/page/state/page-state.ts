/** All that the page shows, in one place; views are told when any of it changes. */

import type { Device, ModelChoice } from '../bridge/messages.ts';
import { PhotoItem } from './photo-item.ts';

export class PageState {
  photos: PhotoItem[] = [];
  selected: PhotoItem | undefined;
  model: ModelChoice = { kind: 'embedded' };
  device: Device | undefined;
  /** how far the model follows the photo unless told; undefined if it cannot be told */
  fidelity: number | undefined;
  download: { readonly loadedBytes: number; readonly totalBytes: number } | undefined;
  /** of all work, while there is any */
  secondsLeft: number | undefined;
  working = false;
  readonly #listeners = new Set<() => void>();
  #scheduled = false;

  subscribe(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Views follow before the next frame, once for all changes until then. */
  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }

  add(files: readonly File[]): PhotoItem[] {
    const added = files.map((file) => new PhotoItem(file));
    this.photos.push(...added);
    this.selected ??= added[0];
    this.changed();
    return added;
  }

  remove(photo: PhotoItem): void {
    const index = this.photos.indexOf(photo);
    this.photos = this.photos.filter((other) => other !== photo);
    if (this.selected === photo) this.selected = this.photos[Math.min(index, this.photos.length - 1)];
    this.changed();
  }

  select(photo: PhotoItem): void {
    this.selected = photo;
    this.changed();
  }
}
