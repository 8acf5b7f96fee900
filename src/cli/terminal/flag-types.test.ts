import { describe, expect, it } from 'vitest';
import { choiceFlag, integerFlag, rejectUnknownFlags, textFlag } from './flag-types.ts';
import { UsageError } from './usage-error.ts';

describe('flag types', () => {
  it('choiceFlag takes one of its words', () => {
    const flag = choiceFlag('--format', ['png', 'jpeg', 'webp']);
    expect(flag('jpeg')).toBe('jpeg');
    expect(() => flag('PNG')).toThrow(new UsageError('--format takes png, jpeg or webp, not "PNG"'));
    expect(() => flag('')).toThrow('--format takes png, jpeg or webp, not nothing');
  });

  it('integerFlag takes whole numbers in its range', () => {
    const flag = integerFlag('--steps', 1, 50);
    expect([flag('1'), flag('50'), flag('007')]).toEqual([1, 50, 7]);
    for (const text of ['0', '51', '-1', '1.5', '1e1', 'four', '', ' 4', '0x4', 'NaN'])
      expect(() => flag(text), text).toThrow(/^--steps takes a whole number from 1 to 50, not /);
  });

  it('textFlag takes anything but nothing', () => {
    expect(textFlag('--output', 'a folder')(' ')).toBe(' ');
    expect(() => textFlag('--output', 'a folder')('')).toThrow('--output needs a folder after it');
  });
});

describe('rejectUnknownFlags', () => {
  const known = ['colorFix', 'steps', 'startStep'];

  it('lets known flags be', () => {
    expect(() => rejectUnknownFlags({}, known)).not.toThrow();
  });

  it.each([
    ['colour-fix', 'Unknown flag --colour-fix; did you mean --color-fix?'],
    ['step', 'Unknown flag --step; did you mean --steps?'],
    ['quality', 'Unknown flag --quality; see --help'],
    ['x', 'Unknown flag -x; see --help'],
  ])('refuses %s', (flag, message) => {
    expect(() => rejectUnknownFlags({ [flag]: [true] }, known)).toThrow(new UsageError(message));
  });
});
