import { describe, expect, it } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { choleskyFactor } from './cholesky.ts';
import { addProductTransposed, type MatrixView } from './matrix-product.ts';

const normals = (key: number, count: number): Float64Array =>
  Float64Array.from(new RandomStream(5, [key]).fillNormal(new Float32Array(count)));

const at = ({ data, columns, offset = 0, stride = columns }: MatrixView, row: number, column: number) =>
  data[offset + row * stride + column]!;

describe('a product', () => {
  it.each([
    ['whole tiles', 8, 12, 16],
    ['what is left of tiles', 7, 5, 3],
    ['several depths', 5, 6, 600],
  ])('of %s is added, scaled, to parts of matrices', (_, rows, columns, depth) => {
    const a = { data: normals(1, 2000 + rows * 700), rows, columns: depth, offset: 9, stride: 700 };
    const b = {
      data: normals(2, 2000 + columns * 650),
      rows: columns,
      columns: depth,
      offset: 4,
      stride: 650,
    };
    const before = normals(3, 3 + rows * 20);
    const out = { data: before.slice(), rows, columns, offset: 3, stride: 20 };
    addProductTransposed(out, a, b, { scale: -2 });
    const expected = before.slice();
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < depth; k++) expected[3 + i * 20 + j]! -= 2 * at(a, i, k) * at(b, j, k);
    out.data.forEach((value, n) => {
      expect(Math.abs(value - expected[n]!)).toBeLessThan(1e-11);
    });
  });

  it('with itself need only be taken above the diagonal', () => {
    const a = { data: normals(4, 70), rows: 10, columns: 7 };
    const [whole, upper] = [0, 1].map(() => ({ data: new Float64Array(100), rows: 10, columns: 10 }));
    addProductTransposed(whole!, a, a);
    addProductTransposed(upper!, a, a, { upper: true });
    for (let i = 0; i < 10; i++) for (let j = i; j < 10; j++) expect(at(upper!, i, j)).toBe(at(whole!, i, j));
    expect(at(upper!, 9, 0)).toBe(0);
  });
});

describe('a Cholesky factor', () => {
  it.each([
    ['over several blocks', 150, 150],
    ['of less than full rank', 90, 12],
  ])('%s gives the matrix back', (_, size, rank) => {
    const root = { data: normals(6, size * rank), rows: size, columns: rank };
    const matrix = { data: new Float64Array(size ** 2), rows: size, columns: size };
    addProductTransposed(matrix, root, root);
    const factor = choleskyFactor(matrix.data, size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        if (j < i) expect(factor[i * size + j]).toBe(0);
        let sum = 0;
        for (let k = 0; k < size; k++) sum += factor[k * size + i]! * factor[k * size + j]!;
        expect(Math.abs(sum - at(matrix, i, j))).toBeLessThan(1e-6 * rank);
      }
  });
});
