/** Mouse, pen and touch on the photo: drag to move it, wheel and two fingers to enlarge it, or draw a box. */

import type { FaceBox } from '../../face/face-detector.ts';

export interface PointerActions {
  readonly isDrawing: () => boolean;
  /** in CSS pixels of the window */
  readonly onDrawing: (box: FaceBox) => void;
  readonly onDrawn: (box: FaceBox) => void;
  readonly onPan: (dx: number, dy: number) => void;
  readonly onZoom: (factor: number, at: readonly [number, number]) => void;
}

type Spot = readonly [x: number, y: number];

/** A press that moves less is a click. */
const clickReach = 4;

export function followPointers(window: HTMLElement, actions: PointerActions): void {
  const pointers = new Map<number, Spot>();
  let start: Spot | undefined;
  let moved = false;
  const spotOf = (event: MouseEvent): Spot => {
    const { left, top } = window.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  window.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const spot = spotOf(event);
    pointers.set(event.pointerId, spot);
    start = spot;
    moved = false;
    if (actions.isDrawing()) window.setPointerCapture(event.pointerId);
  });
  window.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before || !start) return;
    const spot = spotOf(event);
    if (!moved && distance(start, spot) < clickReach) return;
    if (!moved) {
      moved = true;
      window.setPointerCapture(event.pointerId); // from here on it is no click on an outline
    }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, spot);
    if (actions.isDrawing()) actions.onDrawing(boxOf(start, spot));
    else if (other) {
      actions.onZoom(distance(other, spot) / Math.max(distance(other, before), 1), middle(other, spot));
      actions.onPan((spot[0] - before[0]) / 2, (spot[1] - before[1]) / 2);
    } else actions.onPan(spot[0] - before[0], spot[1] - before[1]);
  });
  const end = (event: PointerEvent): void => {
    if (!pointers.delete(event.pointerId) || !start) return;
    if (event.type === 'pointerup' && moved && actions.isDrawing())
      actions.onDrawn(boxOf(start, spotOf(event)));
    if (pointers.size === 0) start = undefined;
  };
  window.addEventListener('pointerup', end);
  window.addEventListener('pointercancel', end);
  window.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      actions.onZoom(Math.exp(-event.deltaY / 400), spotOf(event));
    },
    { passive: false },
  );
}

const distance = (a: Spot, b: Spot): number => Math.hypot(a[0] - b[0], a[1] - b[1]);
const middle = (a: Spot, b: Spot): Spot => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

function boxOf(a: Spot, b: Spot): FaceBox {
  return {
    x: Math.min(a[0], b[0]),
    y: Math.min(a[1], b[1]),
    width: Math.abs(a[0] - b[0]),
    height: Math.abs(a[1] - b[1]),
  };
}
