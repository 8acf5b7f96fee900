/** Each face of a photo large, beside what it was. */

import { anotherPersonFrom } from '../../face/another-person.ts';
import type { PageState } from '../state/page-state.ts';
import type { FaceItem, PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { addressOf, element, setText } from './element.ts';
import { stateOfFace } from './face-state.ts';

interface Card {
  readonly item: HTMLElement;
  update(photo: PhotoItem): void;
}

export function createFaceList(
  state: PageState,
  words: Words,
  onToggle: (photo: PhotoItem, face: FaceItem) => void,
): HTMLElement {
  const list = element('ul', { className: 'faces' });
  const heading = element('h2', {}, words.face.list);
  const aligned = element('p', { className: 'hint' }, words.stage.aligned);
  const section = element('section', { className: 'face-section' }, heading, aligned, list);
  const cards = new Map<FaceItem, Card>();
  state.subscribe(() => {
    const photo = state.selected;
    if (!photo) return;
    section.hidden = photo.faces.length === 0 && !photo.found?.aligned;
    aligned.hidden = !photo.found?.aligned;
    for (const [face, { item }] of cards)
      if (!photo.faces.includes(face)) {
        item.remove();
        cards.delete(face);
      }
    for (const face of photo.faces) {
      let card = cards.get(face);
      if (!card) {
        card = createCard(face, words, () => state.selected && onToggle(state.selected, face));
        cards.set(face, card);
        list.append(card.item);
      }
      card.update(photo);
    }
  });
  return section;
}

function createCard(face: FaceItem, words: Words, onToggle: () => void): Card {
  const { face: text } = words;
  const picture = (className: string, alt: string): HTMLImageElement =>
    element('img', { className, alt, hidden: true, draggable: false });
  const before = picture('face-before', text.before(face.number));
  const under = picture('face-under', '');
  const after = picture('face-after', text.after(face.number));
  const status = element('p', { className: 'face-state' });
  const warning = element(
    'p',
    { className: 'warning', hidden: true },
    element('strong', {}, text.identity),
    ` ${text.identityHint}`,
  );
  const toggle = element('button', { type: 'button', className: 'small', on: { click: onToggle } });
  const item = element(
    'li',
    { className: 'face' },
    element(
      'div',
      { className: 'face-pair' },
      before,
      element('div', { className: 'face-result' }, under, after),
    ),
    element(
      'div',
      { className: 'face-text' },
      element('div', {}, element('h3', {}, text.name(face.number)), status),
      toggle,
    ),
    warning,
  );
  const show = (image: HTMLImageElement, blob: Blob | undefined): void => {
    image.hidden = !blob;
    if (blob && image.src !== addressOf(blob)) image.src = addressOf(blob);
  };
  return {
    item,
    update: ({ strength }) => {
      const { result, wanted, identityDistance } = face;
      show(before, result?.before);
      show(under, result?.after && result.before);
      show(after, wanted ? result?.after : undefined);
      after.style.opacity = String(strength);
      const { kind, text: state } = stateOfFace(face, words);
      item.dataset['state'] = kind;
      setText(status, state);
      setText(toggle, kind === 'out' || kind === 'alone' ? text.takeIn : text.leaveOut);
      toggle.setAttribute('aria-label', `${toggle.textContent}: ${text.name(face.number)}`);
      warning.hidden = !(wanted && identityDistance !== undefined && identityDistance >= anotherPersonFrom);
    },
  };
}
