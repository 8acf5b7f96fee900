/** How long all that waits will take, from how long its like has taken. */

import type { PhotoItem } from './photo-item.ts';

type Kind = 'photo' | 'face';

export class TimeLeft {
  readonly #seconds: Record<Kind, number> = { photo: 0, face: 0 };
  readonly #counts: Record<Kind, number> = { photo: 0, face: 0 };
  #startMs: number | undefined;

  begin(): void {
    this.#startMs = performance.now();
  }

  /** What is under way tells nothing of others: it waits for a download. */
  pause(): void {
    this.#startMs = undefined;
  }

  end(kind: Kind): void {
    if (this.#startMs === undefined) return;
    this.#seconds[kind] += (performance.now() - this.#startMs) / 1000;
    this.#counts[kind]++;
    this.#startMs = undefined;
  }

  /** In seconds; undefined while nothing is known. */
  left(photos: readonly PhotoItem[]): number | undefined {
    if (this.#counts.face === 0) return undefined;
    const face = this.#seconds.face / this.#counts.face;
    const photo = this.#counts.photo === 0 ? 0 : this.#seconds.photo / this.#counts.photo;
    const facesPerPhoto = this.#counts.face / Math.max(this.#counts.photo, 1);
    let seconds = 0;
    for (const item of photos) {
      if (!item.needsWork) continue;
      if (!item.found) seconds += photo + facesPerPhoto * face;
      else seconds += face * (item.found.aligned ? 1 : item.pending.length);
    }
    return seconds;
  }
}
