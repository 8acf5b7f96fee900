import { describe, expect, it } from 'vitest';
import { createClipTokenizer } from './clip-tokenizer.ts';

/** The bytes that the texts need, plain and ending a word; a few merges. */
const signs = [..."abcest!'12Ã©ï»¿âĢ"];
const merges = ['a b', 'ab c</w>', "' s</w>", 'e s', 'es t</w>'];
const names = [
  ...signs,
  ...signs.map((sign) => `${sign}</w>`),
  'ab',
  'abc</w>',
  "'s</w>",
  'es',
  'est</w>',
  '<|startoftext|>',
  '<|endoftext|>',
];
const vocabulary = Object.fromEntries(names.map((token, id) => [token, id]));
const files = { vocabulary, merges: `#version: 0.2\n${merges.join('\n')}\n` };
const tokenizer = createClipTokenizer(files, { length: 6 });
const words = (ids: readonly number[]) => ids.map((id) => names[id]);

describe('the tokenizer', () => {
  it.each([
    ['abc', ['abc</w>']],
    ['  ABC\n\tab ', ['abc</w>', 'a', 'b</w>']],
    ['best', ['b', 'est</w>']],
    ["abc's", ['abc</w>', "'s</w>"]],
    ['12', ['1</w>', '2</w>']],
    ['!!a', ['!', '!</w>', 'a</w>']],
    ['e\u0301', ['Ã', '©</w>']], // composed first
    ['\ufeffa', ['ï', '»', '¿</w>', 'a</w>']], // no whitespace to Python
    ['a\u001cb', ['a</w>', 'b</w>']],
    ['a<|endoftext|>b', ['a</w>', '<|endoftext|>', 'b</w>']],
    ['', []],
  ])('cuts %j', (text, expected) => {
    expect(words(tokenizer.encode(text))).toEqual(expected);
  });

  it('fills up short texts with the end, or with what is asked for, and cuts long ones', () => {
    const [start, end] = names.slice(-2);
    expect(words(tokenizer.tokens('a b').ids)).toEqual([start, 'a</w>', 'b</w>', end, end, end]);
    const padded = createClipTokenizer(files, { length: 6, padding: 0 }).tokens('a b');
    expect(padded).toEqual({ ids: [...tokenizer.tokens('a b').ids.slice(0, 4), 0, 0], truncated: false });
    const long = tokenizer.tokens('a b c a b c');
    expect(words(long.ids)).toEqual([start, 'a</w>', 'b</w>', 'c</w>', 'a</w>', end]);
    expect(long.truncated).toBe(true);
  });

  it('says when its files do not belong together', () => {
    const other = createClipTokenizer({ vocabulary, merges: 'b c</w>' });
    expect(() => other.encode('bc')).toThrow('vocab.json and merges.txt do not belong together');
    expect(() => createClipTokenizer({ vocabulary: {}, merges: '' })).toThrow('<|startoftext|>');
  });
});
