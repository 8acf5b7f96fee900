/** Charts as pictures, by Vega: a specification in, SVG and PNG out. */
import sharp from 'sharp';
import type { Spec } from 'vega';
import { because } from '../../../failure/failure.ts';

const packageName = 'vega';
/** Pixels of the PNG for each of the SVG. */
const pngScale = 2;

export interface RenderedChart {
  readonly svg: string;
  readonly png: Uint8Array;
}

/**
 * Draws a chart. Nothing is fetched: a specification holds its data.
 * @throws {Error} if Vega is not installed
 */
export async function renderChart(spec: Spec): Promise<RenderedChart> {
  const { parse, View } = await importVega();
  const view = new View(parse(spec), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    const png = await sharp(Buffer.from(svg), { density: 72 * pngScale })
      .flatten({ background: 'white' })
      .png()
      .toBuffer();
    return { svg, png };
  } finally {
    view.finalize();
  }
}

/** It is loaded for charts alone: everything else starts without it. */
async function importVega(): Promise<typeof import('vega')> {
  try {
    return await import('vega');
  } catch (cause) {
    throw because(
      new Error(`Cannot draw a chart: ${packageName} is not installed. Run npm i ${packageName}`, { cause }),
      {
        code: 'no-chart-library',
      },
    );
  }
}
