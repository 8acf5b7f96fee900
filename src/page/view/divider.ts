/** The line between before and after. */

import type { Words } from '../words/words.ts';
import { element } from './element.ts';

export interface Divider {
  readonly handle: HTMLElement;
  /** where it stands, 0 left, 1 right: left of it the photo is as it was */
  readonly share: number;
  show(isShown: boolean): void;
}

const step = 0.02;

export function createDivider({ stage }: Words, onMove: () => void): Divider {
  let share = 0.5;
  const grip = element('span', { className: 'grip' });
  const handle = element(
    'div',
    {
      className: 'divider',
      tabIndex: 0,
      hidden: true,
      attributes: {
        role: 'slider',
        'aria-label': stage.slider,
        'aria-valuemin': '0',
        'aria-valuemax': '100',
        'aria-orientation': 'horizontal',
      },
    },
    grip,
    element('span', { className: 'side before' }, stage.before),
    element('span', { className: 'side after' }, stage.after),
  );
  const move = (next: number): void => {
    share = Math.min(Math.max(next, 0), 1);
    handle.style.left = `${100 * share}%`;
    handle.setAttribute('aria-valuenow', String(Math.round(100 * share)));
    onMove();
  };
  handle.addEventListener('keydown', (event) => {
    const keys: Readonly<Record<string, number>> = {
      ArrowLeft: share - step,
      ArrowDown: share - step,
      ArrowRight: share + step,
      ArrowUp: share + step,
      PageDown: share - 0.1,
      PageUp: share + 0.1,
      Home: 0,
      End: 1,
    };
    const next = keys[event.key];
    if (next === undefined) return;
    event.preventDefault();
    move(next);
  });
  handle.addEventListener('pointerdown', (event) => {
    event.stopPropagation();
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const { left, width } = handle.parentElement!.getBoundingClientRect();
    move((event.clientX - left) / width);
  });
  handle.style.left = '50%';
  handle.setAttribute('aria-valuenow', '50');
  return {
    handle,
    get share() {
      return share;
    },
    show: (isShown) => {
      handle.hidden = !isShown;
    },
  };
}
