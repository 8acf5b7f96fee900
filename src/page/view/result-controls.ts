/** What can be turned of a result, and taking it away. */

import type { PageState } from '../state/page-state.ts';
import type { PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { element, setText } from './element.ts';
import { noteText } from './note-text.ts';

export interface ResultActions {
  readonly onStrength: (photo: PhotoItem, strength: number) => void;
  /** The slider was let go. */
  readonly onStrengthSet: (photo: PhotoItem) => void;
  readonly onAnother: (photo: PhotoItem) => void;
  readonly onSave: (photo: PhotoItem) => Promise<void>;
  readonly onSaveAll: () => Promise<void>;
}

export function createResultControls(state: PageState, words: Words, actions: ResultActions): HTMLElement {
  const { controls } = words;
  const withPhoto = (act: (photo: PhotoItem) => void) => (): void => {
    if (state.selected) act(state.selected);
  };
  const value = element('output', { htmlFor: 'strength' as never });
  const strength = element('input', {
    type: 'range',
    id: 'strength',
    min: '0',
    max: '100',
    attributes: { 'aria-describedby': 'strength-hint' },
    on: {
      input: withPhoto((photo) => actions.onStrength(photo, strength.valueAsNumber / 100)),
      change: withPhoto(actions.onStrengthSet),
    },
  });
  const another = element(
    'button',
    {
      type: 'button',
      id: 'another',
      title: controls.anotherHint,
      on: { click: withPhoto(actions.onAnother) },
    },
    controls.another,
  );
  const status = element('p', { className: 'hint', attributes: { role: 'status' } });
  const saving = (button: HTMLButtonElement, save: () => Promise<void>) => async (): Promise<void> => {
    button.disabled = true;
    setText(status, controls.saving);
    try {
      await save();
      setText(status, controls.saved);
    } catch (error) {
      setText(status, words.failure.other(error instanceof Error ? error.message : String(error)));
    } finally {
      button.disabled = false;
    }
  };
  const save = element('button', { type: 'button', className: 'primary', id: 'save' }, controls.save);
  save.addEventListener(
    'click',
    saving(save, async () => {
      if (state.selected) await actions.onSave(state.selected);
    }),
  );
  const saveAll = element('button', { type: 'button', id: 'save-all' }, controls.saveAll);
  saveAll.addEventListener('click', saving(saveAll, actions.onSaveAll));
  const notes = element('ul', { className: 'notes hint' });

  const section = element(
    'section',
    { className: 'controls', attributes: { 'aria-label': controls.label } },
    element(
      'div',
      { className: 'strength' },
      element('label', { htmlFor: 'strength' }, controls.strength),
      value,
      strength,
      element('p', { className: 'hint', id: 'strength-hint' }, controls.strengthHint),
    ),
    element('div', { className: 'buttons' }, save, saveAll, another),
    status,
    notes,
  );
  state.subscribe(() => {
    const photo = state.selected;
    if (!photo) return;
    const hasResult = photo.restoredCount > 0;
    section.hidden = !photo.found;
    strength.value = String(Math.round(100 * photo.strength));
    setText(value, controls.percent(photo.strength));
    strength.disabled = another.disabled = save.disabled = !hasResult;
    saveAll.hidden = state.photos.filter(({ restored }) => restored).length < 2;
    const texts = photo.notes.map((note) => noteText(note, words));
    if (notes.childElementCount !== texts.length || notes.textContent !== texts.join(''))
      notes.replaceChildren(...texts.map((text) => element('li', {}, text)));
  });
  return section;
}
