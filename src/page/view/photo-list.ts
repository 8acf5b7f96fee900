/** The photos of the batch, to choose from. */

import type { PageState } from '../state/page-state.ts';
import type { PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { addressOf, element, iconButton, setText } from './element.ts';

interface Row {
  readonly item: HTMLElement;
  update(): void;
}

export function createPhotoList(
  state: PageState,
  words: Words,
  { onRemove, addButton }: { onRemove: (photo: PhotoItem) => void; addButton: HTMLElement },
): HTMLElement {
  const rows = new Map<PhotoItem, Row>();
  const list = element('ul', { className: 'photos' });
  state.subscribe(() => {
    for (const [photo, { item }] of rows)
      if (!state.photos.includes(photo)) {
        item.remove();
        rows.delete(photo);
      }
    for (const photo of state.photos) {
      let row = rows.get(photo);
      if (!row) {
        row = createRow(photo, state, words, onRemove);
        rows.set(photo, row);
        list.append(row.item);
      }
      row.update();
    }
  });
  return element(
    'nav',
    { className: 'strip', attributes: { 'aria-label': words.photos.label } },
    list,
    addButton,
  );
}

/** What a photo is at, in words. */
export function stateOf({ stage, faces, found, restoredCount }: PhotoItem, words: Words): string {
  if (stage !== 'done') return words.photos.stage[stage];
  const all = found?.aligned ? 1 : faces.length;
  if (all > 0 && restoredCount === 0) return words.photos.leftAlone(all);
  return words.photos.faces(restoredCount, all);
}

function createRow(
  photo: PhotoItem,
  state: PageState,
  words: Words,
  onRemove: (photo: PhotoItem) => void,
): Row {
  const { name } = photo.file;
  const thumbnail = element('img', {
    src: addressOf(photo.file),
    alt: '',
    loading: 'lazy',
    decoding: 'async',
  });
  thumbnail.addEventListener('error', () => thumbnail.classList.add('broken'));
  const text = element('span', { className: 'photo-state' });
  const bar = element('span', { className: 'photo-bar', attributes: { 'aria-hidden': 'true' } });
  const select = element(
    'button',
    { type: 'button', className: 'photo', on: { click: () => state.select(photo) } },
    element('span', { className: 'thumbnail' }, thumbnail, bar),
    element('span', { className: 'photo-text' }, element('span', { className: 'photo-name' }, name), text),
  );
  const remove = iconButton('close', words.photos.remove(name), () => onRemove(photo));
  remove.classList.add('remove');
  return {
    item: element('li', {}, select, remove),
    update: () => {
      setText(text, stateOf(photo, words));
      select.setAttribute('aria-current', String(state.selected === photo));
      select.dataset['stage'] = photo.stage;
      select.dataset['restored'] = String(photo.restoredCount > 0);
      thumbnail.style.rotate = `${90 * photo.turns}deg`;
      const working = photo.stage === 'finding' || photo.stage === 'restoring';
      bar.style.scale = `${working ? photo.progress : 0} 1`;
    },
  };
}
