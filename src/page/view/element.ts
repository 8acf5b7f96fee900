/** Elements of the page, made in one expression. */

import { type IconName, icon } from './icon.ts';

type Properties<Tag extends keyof HTMLElementTagNameMap> = Partial<
  Omit<HTMLElementTagNameMap[Tag], 'style' | 'dataset' | 'children' | 'attributes'>
> & {
  /** attributes, which are no properties, such as aria-label */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly on?: { readonly [E in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[E]) => void };
};

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  given: Properties<Tag> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const { attributes = {}, on = {}, ...properties } = given;
  const made = document.createElement(tag);
  Object.assign(made, properties);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const [type, listener] of Object.entries(on)) made.addEventListener(type, listener as EventListener);
  made.append(...children);
  return made;
}

/** Shows a text, and leaves the element alone where it has it already: readers hear changes only. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function iconButton(name: IconName, label: string, onClick: () => void): HTMLButtonElement {
  return element(
    'button',
    {
      type: 'button',
      className: 'icon',
      title: label,
      attributes: { 'aria-label': label },
      on: { click: onClick },
    },
    icon(name),
  );
}

const addresses = new WeakMap<Blob, string>();

/** An address of a blob that stays as long as the page does. */
export function addressOf(blob: Blob): string {
  let address = addresses.get(blob);
  if (!address) {
    address = URL.createObjectURL(blob);
    addresses.set(blob, address);
  }
  return address;
}
