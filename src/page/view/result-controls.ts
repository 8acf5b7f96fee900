/** What can be turned of a result, and taking it away. */

import { CallError } from '../bridge/worker-bridge.ts';
import type { PageState } from '../state/page-state.ts';
import { isLeftAlone, type PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { element, setText } from './element.ts';
import { noteText } from './note-text.ts';
import { createSlider } from './slider.ts';

export interface ResultActions {
  readonly onStrength: (photo: PhotoItem, strength: number) => void;
  /** The slider was let go. */
  readonly onStrengthSet: (photo: PhotoItem) => void;
  /** Was let go: the faces are restored again. */
  readonly onFidelity: (photo: PhotoItem, fidelity: number) => void;
  readonly onAnother: (photo: PhotoItem) => void;
  /** Faces that were left alone are wanted all the same. */
  readonly onForce: (photo: PhotoItem) => void;
  readonly onSave: (photo: PhotoItem) => Promise<void>;
  readonly onSaveAll: () => Promise<void>;
}

export function createResultControls(state: PageState, words: Words, actions: ResultActions): HTMLElement {
  const { controls } = words;
  const withPhoto = (act: (photo: PhotoItem) => void) => (): void => {
    if (state.selected) act(state.selected);
  };
  const strength = createSlider('strength', controls.strength, controls.strengthHint, controls.percent, {
    onInput: (share) => withPhoto((photo) => actions.onStrength(photo, share))(),
    onChange: withPhoto(actions.onStrengthSet),
  });
  const fidelity = createSlider('fidelity', controls.fidelity, controls.fidelityHint, controls.percent, {
    onInput: (share) => fidelity.show(share),
    onChange: (share) => withPhoto((photo) => actions.onFidelity(photo, share))(),
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
  const alone = element(
    'div',
    { className: 'left-alone' },
    element('p', {}, controls.leftAlone),
    element(
      'button',
      { type: 'button', className: 'primary', id: 'force', on: { click: withPhoto(actions.onForce) } },
      controls.restoreAll,
    ),
  );
  const status = element('p', { className: 'hint', attributes: { role: 'status' } });
  const saving = (button: HTMLButtonElement, save: () => Promise<void>) => async (): Promise<void> => {
    button.disabled = true;
    setText(status, controls.saving);
    try {
      await save();
      setText(status, controls.saved);
    } catch (error) {
      const { code, message } =
        error instanceof CallError ? error : { code: 'other' as const, message: String(error) };
      setText(status, words.failure[code](message));
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

  const buttons = element('div', { className: 'buttons' }, save, saveAll, another);
  const section = element(
    'section',
    { className: 'controls', attributes: { 'aria-label': controls.label } },
    alone,
    strength.view,
    fidelity.view,
    buttons,
    status,
    notes,
  );
  state.subscribe(() => {
    const photo = state.selected;
    if (!photo) return;
    const hasResult = photo.restoredCount > 0;
    const sharp = photo.aligned ? !photo.aligned.after : photo.faces.some((face) => isLeftAlone(face));
    const leftAlone = photo.stage === 'done' && !hasResult && sharp;
    // All photos can be saved whichever is looked at, be it one that failed.
    saveAll.hidden = state.photos.filter(({ restored }) => restored).length < 2;
    const usable = photo.found !== undefined && photo.failure === undefined;
    const fixed = !usable || leftAlone;
    section.hidden = !usable && saveAll.hidden;
    alone.hidden = !usable || !leftAlone;
    strength.view.hidden = another.hidden = save.hidden = fixed;
    strength.show(photo.strength);
    const { fidelity: modelFidelity } = state;
    fidelity.view.hidden = modelFidelity === undefined || fixed;
    const shownFidelity = photo.fidelity ?? modelFidelity ?? 0;
    if (document.activeElement !== fidelity.input || photo.stage === 'done') fidelity.show(shownFidelity);
    strength.input.disabled = another.disabled = save.disabled = !hasResult;
    buttons.hidden = fixed && saveAll.hidden;
    const texts = photo.notes.map((note) => noteText(note, words));
    if (notes.childElementCount !== texts.length || notes.textContent !== texts.join(''))
      notes.replaceChildren(...texts.map((text) => element('li', {}, text)));
  });
  return section;
}
