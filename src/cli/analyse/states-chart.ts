import type { Spec } from 'vega';

/** A described picture on a map. */
export interface MappedPoint {
  readonly panel: 'clean' | 'noised';
  readonly x: number;
  readonly y: number;
  /** `low quality`, or `step 1`, …; with noise the step that goes on from there. */
  readonly group: string;
  readonly kind: 'state' | 'photo';
}

const stepColors = ['#1b6ca8', '#d1495b', '#3c8d5a', '#8e6bbf', '#b07d2b', '#4f9da6', '#a65628', '#999999'];
export const photoGroup = 'low quality';
const photoColor = '#111111';
const titles = { clean: 'without noise', noised: "both with the next step's noise" };

/** Two maps side by side: states and low-quality pictures as they are, and with noise. */
export function statesChart(points: readonly MappedPoint[], features: string): Spec {
  const groups = [...new Set(points.map(({ group }) => group))].sort();
  const color = groups.map((group) => {
    if (group === photoGroup) return photoColor;
    return stepColors[(Number(/\d+/.exec(group)?.[0] ?? 1) - 1) % stepColors.length]!;
  });
  const panels = (['clean', 'noised'] as const).filter((panel) =>
    points.some((point) => point.panel === panel),
  );
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    background: 'white',
    padding: 10,
    title: { text: `t-SNE of ${features} features`, fontSize: 13 },
    data: [{ name: 'points', values: points.map((point) => ({ ...point })) }],
    scales: [
      { name: 'color', type: 'ordinal', domain: groups, range: color },
      { name: 'shape', type: 'ordinal', domain: ['state', 'photo'], range: ['circle', 'cross'] },
      {
        name: 'word',
        type: 'ordinal',
        domain: ["the model's state", 'low-quality picture'],
        range: ['circle', 'cross'],
      },
    ],
    legends: [
      { fill: 'color', title: 'step', symbolType: 'square', symbolStrokeWidth: 0, orient: 'right' },
      { shape: 'word', title: 'what', symbolFillColor: '#777777', symbolStrokeWidth: 0, orient: 'right' },
    ],
    layout: { columns: panels.length, padding: 30 },
    marks: panels.map(panelOf),
  };
}

function panelOf(panel: 'clean' | 'noised'): NonNullable<Spec['marks']>[number] {
  const axis = (name: 'x' | 'y') => ({
    name,
    type: 'linear' as const,
    domain: { data: 'own', field: name },
    range: name === 'x' ? [8, 292] : [292, 8],
    zero: false,
  });
  return {
    type: 'group',
    encode: { update: { width: { value: 300 }, height: { value: 300 }, stroke: { value: '#bbbbbb' } } },
    title: { text: titles[panel], fontSize: 11, fontWeight: 'normal' },
    data: [
      { name: 'own', source: 'points', transform: [{ type: 'filter', expr: `datum.panel === '${panel}'` }] },
    ],
    scales: [axis('x'), axis('y')],
    marks: [
      {
        type: 'symbol',
        from: { data: 'own' },
        encode: {
          update: {
            x: { scale: 'x', field: 'x' },
            y: { scale: 'y', field: 'y' },
            fill: { scale: 'color', field: 'group' },
            shape: { scale: 'shape', field: 'kind' },
            fillOpacity: { value: 0.75 },
            size: { value: 34 },
          },
        },
      },
    ],
  };
}
