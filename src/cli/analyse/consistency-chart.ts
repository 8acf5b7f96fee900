import type { Spec } from 'vega';
import type { StepMean } from '../../platform/node/measure/analyse-consistency.ts';

interface ChartedMeasure {
  readonly name: string;
  readonly label: string;
}

const colors = ['#1b6ca8', '#d1495b', '#3c8d5a', '#8e6bbf', '#b07d2b', '#555555'];

/** A panel a measure: means by step, with bands of their 95 % intervals, a line a set. */
export function consistencyChart(
  means: readonly StepMean[],
  measures: readonly ChartedMeasure[],
  against: string,
): Spec {
  const steps = [...new Set(means.map(({ step }) => step))].sort((a, b) => a - b);
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    background: 'white',
    padding: 10,
    title: {
      text: `Likeness of each step's state to ${against === 'final' ? 'the final image' : 'the next one'}`,
      fontSize: 13,
    },
    data: [{ name: 'means', values: means.map((mean) => ({ ...mean })) }],
    scales: [
      { name: 'color', type: 'ordinal', domain: [...new Set(means.map(({ set }) => set))], range: colors },
    ],
    legends: [
      {
        stroke: 'color',
        title: 'states of',
        symbolType: 'stroke',
        symbolStrokeWidth: 3,
        orient: 'bottom',
        direction: 'horizontal',
      },
    ],
    layout: { columns: measures.length, padding: 40 },
    marks: measures.map(({ name, label }) => panel(name, label, steps)),
  };
}

function panel(name: string, label: string, steps: readonly number[]): NonNullable<Spec['marks']>[number] {
  const x = { scale: 'x', field: 'step' };
  return {
    type: 'group',
    encode: { update: { width: { value: 210 }, height: { value: 180 } } },
    data: [
      { name: 'own', source: 'means', transform: [{ type: 'filter', expr: `datum.measure === '${name}'` }] },
    ],
    scales: [
      { name: 'x', type: 'point', domain: [...steps], range: [0, 210], padding: 0.3 },
      {
        name: 'y',
        type: 'linear',
        domain: { data: 'own', fields: ['low', 'high'] },
        range: [180, 0],
        nice: true,
        zero: false,
      },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: 'step' },
      { scale: 'y', orient: 'left', grid: true, gridColor: '#e5e5e5', tickCount: 5 },
    ],
    title: { text: label, frame: 'group', fontSize: 11, fontWeight: 'normal', offset: 12 },
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'series', data: 'own', groupby: 'set' } },
        marks: [
          {
            type: 'area',
            from: { data: 'series' },
            encode: {
              update: {
                x,
                y: { scale: 'y', field: 'low' },
                y2: { scale: 'y', field: 'high' },
                fill: { scale: 'color', field: 'set' },
                fillOpacity: { value: 0.18 },
              },
            },
          },
          {
            type: 'line',
            from: { data: 'series' },
            encode: {
              update: {
                x,
                y: { scale: 'y', field: 'mean' },
                stroke: { scale: 'color', field: 'set' },
                strokeWidth: { value: 2 },
              },
            },
          },
          {
            type: 'symbol',
            from: { data: 'series' },
            encode: {
              update: {
                x,
                y: { scale: 'y', field: 'mean' },
                fill: { scale: 'color', field: 'set' },
                size: { value: 36 },
              },
            },
          },
        ],
      },
    ],
  };
}
