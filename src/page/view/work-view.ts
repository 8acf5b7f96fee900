/** What is under way, how long it will take, and a way to stop it. */

import type { PageState } from '../state/page-state.ts';
import type { PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { element, setText } from './element.ts';

export function createWorkView(
  state: PageState,
  words: Words,
  { onCancel, onResume }: { onCancel: () => void; onResume: () => void },
): HTMLElement {
  const bar = element('progress', { max: 1, value: 0, attributes: { 'aria-label': words.work.label } });
  const text = element('p', { id: 'status', attributes: { role: 'status' } });
  const left = element('p', { className: 'hint', id: 'time-left' });
  const cancel = element(
    'button',
    { type: 'button', id: 'cancel', on: { click: onCancel } },
    words.work.cancel,
  );
  const resume = element(
    'button',
    { type: 'button', id: 'resume', on: { click: onResume } },
    words.work.resume,
  );
  state.subscribe(() => {
    const { working, photos, secondsLeft } = state;
    bar.hidden = cancel.hidden = !working;
    resume.hidden = working || !photos.some(({ stage }) => stage === 'stopped');
    setText(text, working ? describeWork(state, words) : describeEnd(photos, words));
    setText(left, working && secondsLeft !== undefined ? words.work.left(secondsLeft) : '');
    bar.value = state.download
      ? state.download.loadedBytes / state.download.totalBytes
      : photos.reduce((sum, photo) => sum + shareOf(photo), 0) / Math.max(photos.length, 1);
  });
  return element(
    'section',
    { className: 'work', attributes: { 'aria-label': words.work.label } },
    element('div', { className: 'work-text' }, text, left),
    cancel,
    resume,
    bar,
  );
}

/** Finding is taken for a quarter of a photo's work. */
function shareOf({ stage, progress }: PhotoItem): number {
  if (stage === 'waiting') return 0;
  if (stage === 'finding') return 0.25 * progress;
  return stage === 'restoring' ? 0.25 + 0.75 * progress : 1;
}

function describeWork({ photos, download }: PageState, words: Words): string {
  const { work } = words;
  if (download) {
    const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
    return work.downloading(megabytes(download.loadedBytes), megabytes(download.totalBytes));
  }
  const index = photos.findIndex(({ stage }) => stage === 'finding' || stage === 'restoring');
  const photo = photos[index];
  if (!photo) return '';
  const prefix = photos.length > 1 ? `${work.photoOf(index + 1, photos.length)}: ` : '';
  if (photo.stage === 'finding') return prefix + work.finding;
  if (photo.found?.aligned) return prefix + work.restoringAligned;
  const wanted = photo.faces.filter((face) => face.wanted);
  const face = Math.min(wanted.length - photo.pending.length + 1, wanted.length);
  return prefix + work.restoring(face, wanted.length);
}

function describeEnd(photos: readonly PhotoItem[], words: Words): string {
  const done = photos.filter(({ stage }) => stage === 'done');
  const failed = photos.filter(({ stage }) => stage === 'failed').length;
  const restored = done.filter(({ restoredCount }) => restoredCount > 0).length;
  const faces = done.reduce((sum, photo) => sum + photo.restoredCount, 0);
  return [
    ...(done.length > 0 ? [words.work.allDone(restored, faces)] : []),
    ...(failed > 0 ? [words.work.someFailed(failed)] : []),
  ].join(words.work.between);
}
