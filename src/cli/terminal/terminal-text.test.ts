import { describe, expect, it } from 'vitest';
import { fitColumns, printable } from './terminal-text.ts';

describe('printable', () => {
  it('takes the force out of control characters and direction marks', () => {
    expect(printable('a\x1b[2Jb\rc\u0007d\u009be\u202ef')).toBe('a?[2Jb?c?d?e?f');
    expect(printable('Jürgen 脸 👩🏽 עברית\nnext line')).toBe('Jürgen 脸 👩🏽 עברית\nnext line');
  });
});

describe('fitColumns', () => {
  it('leaves alone what fits', () => {
    expect(fitColumns('photo', 5)).toBe('photo');
    expect(fitColumns('', 0)).toBe('');
    expect(fitColumns('脸脸', 4)).toBe('脸脸');
    expect(fitColumns('e\u0301'.repeat(3), 3)).toBe('e\u0301'.repeat(3));
  });

  it('cuts with an ellipsis inside the width, counting wide characters twice', () => {
    expect(fitColumns('photograph', 6)).toBe('photo…');
    expect(fitColumns('脸脸脸', 5)).toBe('脸脸…');
    expect(fitColumns('脸脸脸', 4)).toBe('脸…');
    expect(fitColumns('abc', 1)).toBe('…');
    expect(fitColumns('abc', 0)).toBe('');
    expect(fitColumns('abc', -5)).toBe('');
  });
});
