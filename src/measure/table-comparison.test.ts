import { describe, expect, it } from 'vitest';
import type { MetricName } from '../metrics/metric-table.ts';
import type { SetScore } from '../metrics/scored-set.ts';
import { parseProtocol, sameName } from './protocol.ts';
import { compareTable } from './table-comparison.ts';

const table = {
  title: 'A table',
  source: 'A paper',
  notes: [],
  sets: [{ name: 'set', label: 'Set', folders: ['set'], metrics: ['psnr', 'fid'] }],
  rows: [
    { name: 'theirs', label: 'Theirs', values: { set: [24.5, 50] } },
    { name: 'ours', label: 'Ours', measures: 'restored', values: { set: [25.19, null] }, seconds: 0.4 },
  ],
};
const parse = (changed: object = {}) => parseProtocol(JSON.stringify({ ...table, ...changed }), 'table.json');

describe('a protocol', () => {
  it('is read as it is written', () => {
    expect(parse()).toEqual(table);
  });

  it.each<[what: string, changed: object, message: string]>([
    ['a metric that there is not', { sets: [{ ...table.sets[0], metrics: ['beauty'] }] }, 'sets.0.metrics.0'],
    [
      'too few values',
      { rows: [{ name: 'a', label: 'A', values: { set: [1] } }] },
      'row a has 1 values of set, which has 2 metrics',
    ],
    [
      'values of another set',
      { rows: [{ name: 'a', label: 'A', values: { other: [1] } }] },
      'row a has values of other, which is no set',
    ],
    ['two rows of one name', { rows: [table.rows[0], table.rows[0]] }, 'two rows have one name'],
    ['words it does not know', { colour: 'red' }, 'Unrecognized key: "colour"'],
  ])('with %s is refused', (_, changed, message) => {
    expect(() => parse(changed)).toThrow(`table.json is no protocol of a table: `);
    expect(() => parse(changed)).toThrow(message);
  });

  it('knows names in other spellings', () => {
    expect(sameName('LFW-Test', 'lfw_test')).toBe(true);
    expect(sameName('LFW-Test', 'lfw')).toBe(false);
  });
});

describe('a comparison', () => {
  const protocol = parse();
  const [set] = protocol.sets;
  const compare = (metrics: Partial<Record<MetricName, SetScore>>, standIn = false) =>
    compareTable(protocol, [
      {
        set: set!,
        standIn,
        rows: [
          { name: 'ours', label: 'Ours', scores: { pictures: [], metrics } },
          { name: 'new', label: 'New', scores: { pictures: [], metrics } },
        ],
      },
    ])[0]!.rows;
  const psnr = (mean: number, low: number, high: number) => ({ psnr: { mean, low, high, count: 9 } });

  it('has the rows of the paper, then those it does not have', () => {
    const rows = compare(psnr(25, 24, 26));
    expect(rows.map(({ name }) => name)).toEqual(['theirs', 'ours', 'new']);
    expect(rows[0]!.cells).toEqual([
      { metric: 'psnr', paper: 24.5 },
      { metric: 'fid', paper: 50 },
    ]);
    expect(rows[1]!.cells[1]).toEqual({ metric: 'fid' });
    expect(rows[1]!.paperSeconds).toBe(0.4);
    expect(rows[2]!.cells[0]).not.toHaveProperty('difference');
  });

  it.each<[paper: string, low: number, high: number, agrees: boolean]>([
    ['inside the interval', 25, 25.5, true],
    ['above it', 25, 25.1, false],
    ['above it by less than its rounding', 25, 25.186, true],
    ['below it', 25.2, 25.4, false],
  ])('knows a number %s', (_, low, high, agrees) => {
    const [cell] = compare(psnr(25.05, low, high))[1]!.cells;
    expect(cell).toMatchObject({ paper: 25.19, agrees });
    expect(cell!.difference).toBeCloseTo(-0.14, 9);
  });

  it('takes a distance within 2 % for the same', () => {
    const ours = (mean: number) =>
      compareTable(parse({ rows: [{ name: 'ours', label: 'Ours', values: { set: [1, 50] } }] }), [
        {
          set: set!,
          standIn: false,
          rows: [
            { name: 'ours', label: 'Ours', scores: { pictures: [], metrics: { fid: { mean, count: 9 } } } },
          ],
        },
      ])[0]!.rows[0]!.cells[1]!.agrees;
    expect([48.5, 49.1, 50.9, 52].map(ours)).toEqual([false, true, true, false]);
  });

  it('takes no difference to pictures that stand in', () => {
    expect(compare(psnr(25, 24, 26), true)[1]!.cells[0]).toEqual({
      metric: 'psnr',
      paper: 25.19,
      here: { mean: 25, low: 24, high: 26, count: 9 },
    });
  });
});
