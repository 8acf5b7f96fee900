/** The photo that is looked at: before and after, outlines of its faces, zoom and pan. */

import type { FaceBox } from '../../face/face-detector.ts';
import type { FailureCode } from '../bridge/messages.ts';
import type { PageState } from '../state/page-state.ts';
import type { FaceItem, PhotoItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';
import { createDivider } from './divider.ts';
import { element, iconButton, setText } from './element.ts';
import { createPhotoLayers } from './photo-layers.ts';
import { followPointers } from './stage-pointers.ts';
import { clampViewport, fitViewport, type Length2, type Viewport, zoomViewport } from './viewport.ts';

export interface StageActions {
  readonly onToggle: (photo: PhotoItem, face: FaceItem) => void;
  readonly onTurn: (photo: PhotoItem) => void;
  readonly onDraw: (photo: PhotoItem, box: FaceBox) => void;
  readonly onRetry: (photo: PhotoItem) => void;
}

/** What a second attempt would meet again. */
const lastingFailures: ReadonlySet<FailureCode> = new Set(['unreadable', 'format', 'too-large']);

/** One step of the keys: a share of the window, and a factor. */
const keyStep = 60;
const zoomStep = 1.4;

export function createStageView(state: PageState, words: Words, actions: StageActions): HTMLElement {
  const { stage: text } = words;
  const layers = createPhotoLayers(words, (face) => state.selected && actions.onToggle(state.selected, face));
  const box = element('div', { className: 'drawn-box', hidden: true });
  const window = element(
    'div',
    { className: 'window', tabIndex: 0, attributes: { role: 'group', 'aria-describedby': 'stage-keys' } },
    layers.canvas,
  );
  const divider = createDivider(words, () => place());
  const message = element('div', { className: 'stage-message', attributes: { role: 'alert' } });
  window.append(divider.handle, box);

  let viewport: Viewport = { x: 0, y: 0, scale: 1 };
  let shown = '';
  let drawing = false;

  const room = (): Length2 => ({ width: window.clientWidth, height: window.clientHeight });
  const place = (): void => {
    const { x, y, scale } = viewport;
    const { width, height } = layers.size;
    layers.canvas.style.translate = `${x}px ${y}px`;
    layers.canvas.style.width = `${width * scale}px`;
    layers.canvas.style.height = `${height * scale}px`;
    layers.canvas.style.imageRendering = scale >= 3 ? 'pixelated' : 'auto';
    // The divider stands in the window, what it divides in the photo.
    const at = divider.share * room().width;
    layers.showFrom(Math.min(Math.max((at - x) / (width * scale), 0), 1));
  };
  const look = (next: Viewport): void => {
    viewport = clampViewport(next, layers.size, room());
    place();
  };
  const showWhole = (): void => look(fitViewport(layers.size, room()));
  const zoom = (factor: number, at?: readonly [number, number]): void => {
    const { width, height } = room();
    look(zoomViewport(viewport, factor, at ?? [width / 2, height / 2], layers.size, room()));
  };
  new ResizeObserver(showWhole).observe(window);
  layers.onSize(showWhole);

  const draw = iconButton('draw', text.draw, () => setDrawing(!drawing));
  const hint = element('p', { className: 'draw-hint', hidden: true }, text.drawHint);
  const setDrawing = (on: boolean): void => {
    drawing = on;
    draw.setAttribute('aria-pressed', String(on));
    window.classList.toggle('drawing', on);
    hint.hidden = !on;
    box.hidden = true;
    if (on) window.focus();
  };
  const takeBox = ({ x, y, width, height }: FaceBox): void => {
    const { scale } = viewport;
    const inPhoto = {
      x: (x - viewport.x) / scale,
      y: (y - viewport.y) / scale,
      width: width / scale,
      height: height / scale,
    };
    setDrawing(false);
    const photo = state.selected;
    const { width: photoWidth, height: photoHeight } = layers.size;
    const meets =
      inPhoto.x < photoWidth &&
      inPhoto.y < photoHeight &&
      inPhoto.x + inPhoto.width > 0 &&
      inPhoto.y + inPhoto.height > 0;
    if (photo && meets && Math.min(inPhoto.width, inPhoto.height) >= 8) actions.onDraw(photo, inPhoto);
  };
  followPointers(window, {
    isDrawing: () => drawing,
    onDrawing: ({ x, y, width, height }) => {
      box.hidden = false;
      Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    },
    onDrawn: takeBox,
    onPan: (dx, dy) => look({ ...viewport, x: viewport.x + dx, y: viewport.y + dy }),
    onZoom: zoom,
  });
  window.addEventListener('keydown', (event) => {
    if (event.target !== window) return;
    const { width, height } = room();
    const pan: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [keyStep, 0],
      ArrowRight: [-keyStep, 0],
      ArrowUp: [0, keyStep],
      ArrowDown: [0, -keyStep],
    };
    const moved = pan[event.key];
    if (moved) look({ ...viewport, x: viewport.x + moved[0], y: viewport.y + moved[1] });
    else if (event.key === '+' || event.key === '=') zoom(zoomStep);
    else if (event.key === '-') zoom(1 / zoomStep);
    else if (event.key === '0') showWhole();
    else if (event.key === 'Escape' && drawing) setDrawing(false);
    else if (event.key === 'Enter' && drawing) {
      const side = Math.min(width, height) / 3;
      takeBox({ x: (width - side) / 2, y: (height - side) / 2, width: side, height: side });
    } else return;
    event.preventDefault();
  });

  const outlines = iconButton('outlines', text.outlines, () => {
    const isPlain = window.classList.toggle('plain');
    outlines.setAttribute('aria-pressed', String(!isPlain));
  });
  outlines.setAttribute('aria-pressed', 'true');
  const tools = element(
    'div',
    { className: 'tools', attributes: { role: 'toolbar', 'aria-label': text.tools } },
    outlines,
    draw,
    iconButton('turn', text.turn, () => state.selected && actions.onTurn(state.selected)),
    element('span', { className: 'gap' }),
    iconButton('minus', text.zoomOut, () => zoom(1 / zoomStep)),
    iconButton('plus', text.zoomIn, () => zoom(zoomStep)),
    iconButton('fit', text.fit, showWhole),
  );

  state.subscribe(() => {
    const photo = state.selected;
    if (!photo) return;
    const key = `${photo.id} ${photo.turns}`;
    if (shown !== key) {
      shown = key;
      setDrawing(false);
    }
    window.setAttribute('aria-label', text.label(photo.file.name));
    const compared = photo.restoredCount > 0;
    divider.show(compared);
    tools.hidden = photo.failure !== undefined;
    outlines.hidden = photo.faces.length === 0;
    draw.hidden = photo.found?.aligned ?? false;
    layers.update(photo, compared);
    showMessage(photo);
    place();
  });

  let told = '';
  function showMessage(photo: PhotoItem): void {
    const { failure } = photo;
    const nothing = photo.stage === 'done' && photo.found && !photo.found.aligned && photo.faces.length === 0;
    const next = failure ? words.failure[failure.code](failure.message) : nothing ? text.nothing : '';
    if (told === `${photo.id} ${next}`) return;
    told = `${photo.id} ${next}`;
    message.replaceChildren();
    message.hidden = next === '';
    if (next === '') return;
    message.append(element('p', {}, next));
    if (nothing) message.append(element('p', { className: 'hint' }, text.nothingHint));
    if (failure && !lastingFailures.has(failure.code))
      message.append(
        element('button', { type: 'button', on: { click: () => actions.onRetry(photo) } }, words.retry),
      );
  }

  const captions = element('p', { className: 'unseen', id: 'stage-keys' });
  setText(captions, text.keys);
  return element('div', { className: 'stage' }, window, message, hint, captions, tools);
}
