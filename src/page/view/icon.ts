/** Icons as strokes on a square of 24. */

const strokes = {
  draw: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9.5 10.5v.5M14.5 10.5v.5M9 15c1.8 1.4 4.2 1.4 6 0',
  turn: 'M20 4v6h-6M19.4 10A8 8 0 1 0 20 14',
  minus: 'M6 12h12',
  plus: 'M6 12h12M12 6v12',
  fit: 'M9 4H4v5M15 4h5v5M20 15v5h-5M4 15v5h5',
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
