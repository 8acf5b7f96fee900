import { describe, expect, it } from 'vitest';
import { fitColumns, printable, printableMessage } from './terminal-text.ts';

describe('printable', () => {
  it('takes the force out of control characters and direction marks', () => {
    expect(printable('a\x1b[2Jb\rc\u0007d\u009be\u202ef')).toBe('a?[2Jb?c?d?e?f');
    expect(printable('Jürgen 脸 👩🏽 עברית')).toBe('Jürgen 脸 👩🏽 עברית');
  });

  it('lets no name begin a line', () => {
    expect(printable('a\n[1/1] b.png → c.png\u2028d\u0085e')).toBe('a?[1/1] b.png → c.png?d?e');
  });
});

describe('printableMessage', () => {
  it('keeps further lines that are indented, and no others', () => {
    expect(printableMessage('Cannot download x:\n  http://a: 404\n    again')).toBe(
      'Cannot download x:\n  http://a: 404\n    again',
    );
    expect(printableMessage('Cannot read a\ninterlcm: all done\n b')).toBe(
      'Cannot read a?interlcm: all done? b',
    );
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
