/** A share that is turned from 0 to 100 %. */
import { element, setText } from './element.ts';

export interface Slider {
  readonly view: HTMLElement;
  readonly input: HTMLInputElement;
  /** @param share 0..1 */
  show(share: number): void;
}

/**
 * @param percent the words for a share
 * @param on told of shares in 0..1: while it is turned, and when it was let go
 */
export function createSlider(
  id: string,
  label: string,
  hint: string,
  percent: (share: number) => string,
  on: { readonly onInput: (share: number) => void; readonly onChange: (share: number) => void },
): Slider {
  const output = element('output', { htmlFor: id as never });
  const input = element('input', {
    type: 'range',
    id,
    min: '0',
    max: '100',
    attributes: { 'aria-describedby': `${id}-hint` },
    on: {
      input: () => on.onInput(input.valueAsNumber / 100),
      change: () => on.onChange(input.valueAsNumber / 100),
    },
  });
  const view = element(
    'div',
    { className: 'strength' },
    element('label', { htmlFor: id }, label),
    output,
    input,
    element('p', { className: 'hint', id: `${id}-hint` }, hint),
  );
  return {
    view,
    input,
    show(share) {
      const value = String(Math.round(100 * share));
      if (input.value !== value) input.value = value;
      setText(output, percent(share));
    },
  };
}
