import { describe, expect, it } from 'vitest';
import { contactSheet } from './contact-sheet.ts';
import { type BytePixels, createPixels } from './pixels.ts';

const gray = (width: number, height: number, ...values: number[]): BytePixels =>
  createPixels(width, height, 1, Uint8Array.from(values));
const rowsOf = ({ width, data }: BytePixels): number[][] =>
  Array.from({ length: data.length / width }, (_, y) => [...data.subarray(y * width, (y + 1) * width)]);

describe('a contact sheet', () => {
  it('puts rows below each other with a gap around every picture', () => {
    const rows = [[gray(2, 1, 1, 2), gray(2, 1, 3, 4)], [gray(2, 1, 5, 6)]];
    expect(rowsOf(contactSheet(rows, { gap: 1, background: 0 }))).toEqual([
      [0, 0, 0, 0, 0, 0, 0],
      [0, 1, 2, 0, 3, 4, 0],
      [0, 0, 0, 0, 0, 0, 0],
      [0, 5, 6, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  it('separates groups of columns by twice the gap', () => {
    const row = [1, 2, 3, 4, 5].map((value) => gray(1, 1, value));
    const sheet = contactSheet([row], { gap: 1, columnsPerGroup: 2, background: 0 });
    expect(rowsOf(sheet)[1]).toEqual([0, 1, 0, 2, 0, 0, 3, 0, 4, 0, 0, 5, 0]);
  });

  it('keeps the channels of its pictures, on white', () => {
    const red = createPixels(1, 1, 3, Uint8Array.of(200, 10, 20));
    const sheet = contactSheet([[red, red]], { gap: 0 });
    expect(sheet).toEqual(createPixels(2, 1, 3, Uint8Array.of(200, 10, 20, 200, 10, 20)));
    expect(contactSheet([[red]], { gap: 1 }).data.subarray(0, 12)).toEqual(new Uint8Array(12).fill(255));
  });

  it('refuses nothing, and pictures that differ', () => {
    expect(() => contactSheet([[]])).toThrow(
      new RangeError('Cannot make a contact sheet: there is no picture'),
    );
    expect(() => contactSheet([[gray(1, 1, 0), gray(2, 1, 0, 0)]])).toThrow(
      'Cannot put a picture of 2 x 1 x 1 on a contact sheet of 1 x 1 x 1: all must be alike',
    );
  });
});
