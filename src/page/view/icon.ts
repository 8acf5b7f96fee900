/** Icons as strokes on a square of 24. */

const strokes = {
  draw: 'M13 4H5a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-8M9 10.5v.5M13.5 10.5v.5M8.5 14.5c1.6 1.4 4.4 1.4 6 0M18.5 2.5v6M15.5 5.5h6',
  turn: 'M20 4v6h-6M19.4 10A8 8 0 1 0 20 14',
  minus: 'M6 12h12',
  plus: 'M6 12h12M12 6v12',
  fit: 'M9 4H4v5M15 4h5v5M20 15v5h-5M4 15v5h5',
  outlines:
    'M4 8V6a2 2 0 0 1 2-2h2M16 4h2a2 2 0 0 1 2 2v2M20 16v2a2 2 0 0 1-2 2h-2M8 20H6a2 2 0 0 1-2-2v-2M9 12.5l2 2 4-4.5',
  close: 'M7 7l10 10M17 7L7 17',
} as const;
export type IconName = keyof typeof strokes;

const namespace = 'http://www.w3.org/2000/svg';

/** Readers do not see it: whoever shows it names it. */
export function icon(name: IconName): SVGSVGElement {
  const drawing = document.createElementNS(namespace, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', strokes[name]);
  drawing.append(path);
  return drawing;
}
