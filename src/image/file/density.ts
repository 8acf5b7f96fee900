/** How large a picture is printed: pixels over a length, or the shape of a pixel alone. */

export interface Density {
  readonly x: number;
  readonly y: number;
  /** 'none': only x over y counts */
  readonly unit: 'inch' | 'centimetre' | 'metre' | 'none';
}

const metres = { inch: 0.0254, centimetre: 0.01, metre: 1 } as const;
/** Of a unit: a density of whole pixels an inch is not whole a metre. */
const rounding = 0.01;

/** A stated density; undefined where the numbers state none. */
export function statedDensity(x: number, y: number, unit: Density['unit']): Density | undefined {
  if (!(Number.isFinite(x) && Number.isFinite(y) && x > 0 && y > 0)) return undefined;
  return unit === 'none' && x === y ? undefined : { x, y, unit };
}

/** The density of a picture enlarged `factor` times that is printed at the same size. */
export function enlargeDensity({ x, y, unit }: Density, factor: number): Density {
  return unit === 'none' ? { x, y, unit } : { x: factor * x, y: factor * y, unit };
}

/** The same density over another length, whole where it nearly is. */
export function convertDensity(density: Density, unit: 'inch' | 'centimetre' | 'metre'): Density {
  if (density.unit === unit || density.unit === 'none') return density;
  const share = metres[unit] / metres[density.unit];
  const convert = (value: number): number => {
    const converted = value * share;
    const whole = Math.round(converted);
    return Math.abs(converted - whole) < rounding ? whole : converted;
  };
  return { x: convert(density.x), y: convert(density.y), unit };
}
