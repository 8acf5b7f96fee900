/** A photo, what was restored of it, and outlines of its faces, one over the other. */

import type { Patch } from '../bridge/messages.ts';
import type { FaceItem, PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { addressOf, element } from './element.ts';
import { stateOfFace } from './face-state.ts';
import type { Length2 } from './viewport.ts';

export interface PhotoLayers {
  readonly canvas: HTMLElement;
  /** pixels of the photo */
  readonly size: Length2;
  onSize(listener: () => void): void;
  /** @param share of the width, 0..1: restored faces are seen right of it */
  showFrom(share: number): void;
  /** @param compared whether there is anything to compare with */
  update(photo: PhotoItem, compared: boolean): void;
}

export function createPhotoLayers(words: Words, onToggle: (face: FaceItem) => void): PhotoLayers {
  const base = element('img', { className: 'base', alt: words.stage.original, draggable: false });
  const restored = element('div', { className: 'restored' });
  const outlines = element('div', { className: 'outlines' });
  const canvas = element('div', { className: 'canvas' }, base, restored, outlines);
  let size: Length2 = { width: 1, height: 1 };
  let sizeListener = (): void => {};
  let turns = 0;
  let shown: PhotoItem | undefined;
  const patches = new Map<Blob, HTMLImageElement>();
  const buttons = new Map<FaceItem, HTMLButtonElement>();

  const resize = (next: Length2): void => {
    if (next.width === size.width && next.height === size.height) return;
    size = next;
    sizeListener();
  };
  const measure = (): void => {
    const { naturalWidth: width, naturalHeight: height } = base;
    if (!width) return;
    const swapped = turns % 2 === 1;
    // In a box that stands upright, turned about its middle.
    base.style.width = swapped ? `${(100 * width) / height}%` : '100%';
    base.style.height = swapped ? `${(100 * height) / width}%` : '100%';
    base.style.rotate = `${90 * turns}deg`;
    resize(swapped ? { width: height, height: width } : { width, height });
  };
  base.addEventListener('load', measure);

  const placed = (box: Omit<Patch, 'image'>): Partial<CSSStyleDeclaration> => ({
    left: `${(100 * box.x) / size.width}%`,
    top: `${(100 * box.y) / size.height}%`,
    width: `${(100 * box.width) / size.width}%`,
    height: `${(100 * box.height) / size.height}%`,
  });

  function showPatches(photo: PhotoItem): void {
    const wanted = new Set<Blob>();
    for (const { image, ...box } of patchesOf(photo, size)) {
      wanted.add(image);
      let patch = patches.get(image);
      if (!patch) {
        patch = element('img', { className: 'patch', alt: '', src: addressOf(image), draggable: false });
        patches.set(image, patch);
        restored.append(patch);
      }
      Object.assign(patch.style, placed(box), { opacity: String(photo.strength) });
    }
    for (const [image, patch] of patches)
      if (!wanted.has(image)) {
        patch.remove();
        patches.delete(image);
      }
  }

  function showOutlines(photo: PhotoItem): void {
    for (const [face, button] of buttons)
      if (!photo.faces.includes(face)) {
        button.remove();
        buttons.delete(face);
      }
    for (const face of photo.faces) {
      let button = buttons.get(face);
      if (!button) {
        button = element(
          'button',
          { type: 'button', className: 'outline', on: { click: () => onToggle(face) } },
          element('span', {}, String(face.number)),
        );
        buttons.set(face, button);
        outlines.append(button);
      }
      const state = stateOfFace(face, words);
      Object.assign(button.style, placed(face.detected.box));
      button.dataset['state'] = state.kind;
      button.setAttribute('aria-pressed', String(face.wanted));
      const label = `${words.face.name(face.number)}: ${state.text}`;
      button.title = label;
      button.setAttribute('aria-label', label);
    }
  }

  return {
    canvas,
    get size() {
      return size;
    },
    onSize: (listener) => {
      sizeListener = listener;
    },
    showFrom: (share) => {
      restored.style.clipPath = `inset(0 0 0 ${100 * share}%)`;
    },
    update: (photo, compared) => {
      const source = photo.aligned?.before ?? photo.file;
      turns = photo.aligned ? 0 : photo.turns;
      const address = addressOf(source);
      if (shown !== photo || base.src !== address) {
        shown = photo;
        base.src = address;
      }
      base.hidden = photo.failure !== undefined;
      measure();
      showPatches(photo);
      showOutlines(photo);
      restored.hidden = !compared;
    },
  };
}

function patchesOf(photo: PhotoItem, { width, height }: Length2): Patch[] {
  if (photo.aligned) {
    const { after: image } = photo.aligned;
    return image ? [{ x: 0, y: 0, width, height, image }] : [];
  }
  return photo.faces.flatMap(({ wanted, result }) => (wanted && result?.patch ? [result.patch] : []));
}
