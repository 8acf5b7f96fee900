/** Where photos come in: dropped anywhere, pasted, or chosen. */

import type { Words } from '../words/words.ts';
import { element } from './element.ts';

export interface DropView {
  readonly welcome: HTMLElement;
  readonly addButton: HTMLElement;
  /** says how much is downloaded */
  readonly download: HTMLElement;
  /** how much the first photo downloads; undefined: nothing */
  setDownload(megabytes: number | undefined): void;
}

export function createDropView(words: Words, onFiles: (files: readonly File[]) => void): DropView {
  const input = (id: string, label: string): HTMLElement => {
    const chooser = element('input', {
      id,
      type: 'file',
      multiple: true,
      accept: 'image/*',
      className: 'unseen',
      on: {
        change: () => {
          onFiles([...(chooser.files ?? [])]);
          chooser.value = '';
        },
      },
    });
    return element('label', { className: 'button primary file', htmlFor: id }, label, chooser);
  };
  const download = element('p', { className: 'hint', id: 'download-size' });
  const steps = words.drop.steps.map(({ title, text }) =>
    element('li', {}, element('strong', {}, title), element('span', {}, text)),
  );
  const welcome = element(
    'section',
    { className: 'welcome', attributes: { 'aria-labelledby': 'drop-title' } },
    element(
      'div',
      { className: 'drop' },
      element('img', { className: 'drop-art', src: './icon.svg', alt: '' }),
      element('h2', { id: 'drop-title' }, words.drop.title),
      input('choose', words.drop.choose),
      element('p', { className: 'hint' }, words.drop.formats),
    ),
    element('ol', { className: 'steps' }, ...steps),
    download,
  );
  takeDrops(onFiles);
  return {
    welcome,
    addButton: input('add', words.drop.more),
    download,
    setDownload: (megabytes) => {
      download.textContent = megabytes === undefined ? words.drop.downloaded : words.drop.download(megabytes);
    },
  };
}

function takeDrops(onFiles: (files: readonly File[]) => void): void {
  const over = (isOver: boolean): void => {
    document.body.classList.toggle('over', isOver);
  };
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) over(false);
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    over(false);
    onFiles([...(event.dataTransfer?.files ?? [])]);
  });
  document.addEventListener('paste', (event) => onFiles([...(event.clipboardData?.files ?? [])]));
}
