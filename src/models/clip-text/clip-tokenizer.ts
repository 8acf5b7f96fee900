/**
 * CLIP's byte-pair tokenizer (Sennrich et al. 2016, arXiv:1508.07909, over bytes), as its own code without ftfy and
 * Hugging Face's have it.
 */

/** `<|startoftext|>` and the like stand for themselves; contractions, words, single digits, runs of other signs. */
const piece = /<\|startoftext\|>|<\|endoftext\|>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^ \p{L}\p{N}]+/gu;
/** What Python takes for whitespace and JavaScript's `\s` does not: four separators and "next line". */
const otherWhitespace = [0x1c, 0x1d, 0x1e, 0x1f, 0x85].map((code) => String.fromCodePoint(code)).join('');
/** A byte-order mark is none to Python. */
const whitespace = new RegExp(`(?:(?!\\ufeff)[\\s${otherWhitespace}])+`, 'gu');
const start = '<|startoftext|>';
const end = '<|endoftext|>';
/** Marks the last part of a word. */
const wordEnd = '</w>';
/** Words in use are few: their ids are kept. */
const mostCachedWords = 10_000;

export interface ClipTokenizer {
  /** Ids of a text, without start and end. */
  encode(text: string): number[];
  /**
   * As many ids as the text tower takes: start, the text, end, padding. A longer text is cut, and ends in the end.
   */
  tokens(text: string): { readonly ids: number[]; readonly truncated: boolean };
}

export interface ClipTokenizerFiles {
  /** vocab.json: ids by token. */
  readonly vocabulary: Readonly<Record<string, number>>;
  /** merges.txt: pairs by rank, after a line with the version. */
  readonly merges: string;
}

export interface ClipTokenizerOptions {
  /** Tokens of a text; 77 unless given. */
  readonly length?: number;
  /** The id that fills up short texts: the end unless given; Stable Diffusion 2's is that of `!`. */
  readonly padding?: number;
}

/** @throws {SyntaxError} if the files do not belong together */
export function createClipTokenizer(
  { vocabulary, merges }: ClipTokenizerFiles,
  { length = 77, padding }: ClipTokenizerOptions = {},
): ClipTokenizer {
  const ids = new Map(Object.entries(vocabulary));
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined)
      throw new SyntaxError(
        `The vocabulary has no ${JSON.stringify(token)}: vocab.json and merges.txt do not belong together`,
      );
    return id;
  };
  const lines = merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  const ranks = new Map(lines.map((line, rank) => [line, rank]));
  const [first, last] = [idOf(start), idOf(end)];
  const cache = new Map<string, number[]>();

  const encodeWord = (word: string): number[] => {
    if (word === start || word === end) return [idOf(word)];
    let known = cache.get(word);
    if (!known) {
      known = mergePairs(byteSigns(word), ranks).map(idOf);
      if (cache.size >= mostCachedWords) cache.clear();
      cache.set(word, known);
    }
    return known;
  };
  const encode = (text: string): number[] => (cleanText(text).match(piece) ?? []).flatMap(encodeWord);
  return {
    encode,
    tokens(text) {
      const all = [first, ...encode(text), last];
      const truncated = all.length > length;
      if (truncated) all.splice(length - 1, all.length, last);
      while (all.length < length) all.push(padding ?? last);
      return { ids: all, truncated };
    },
  };
}

/** NFC, single spaces, lower case. */
function cleanText(text: string): string {
  return text.normalize('NFC').replace(whitespace, ' ').replace(/^ | $/g, '').toLowerCase();
}

/** Each byte of a word as a printable sign; the last one bears the word's end. */
function byteSigns(word: string): string[] {
  const signs = Array.from(new TextEncoder().encode(word), (byte) => byteAlphabet[byte]!);
  signs[signs.length - 1] += wordEnd;
  return signs;
}

/** Printable bytes stand for themselves, the others, in order, for the signs from U+0100 on. */
const byteAlphabet = (() => {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : 0x100 + others++),
  );
})();

/** Joins the pair of least rank, wherever it stands, until no pair has one. */
function mergePairs(word: string[], ranks: ReadonlyMap<string, number>): string[] {
  let parts = word;
  while (parts.length > 1) {
    let best: string | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < parts.length; i++) {
      const pair = `${parts[i]} ${parts[i + 1]}`;
      const rank = ranks.get(pair);
      if (rank !== undefined && rank < bestRank) [best, bestRank] = [pair, rank];
    }
    if (best === undefined) break;
    const joined: string[] = [];
    for (let i = 0; i < parts.length; i++)
      if (i + 1 < parts.length && `${parts[i]} ${parts[i + 1]}` === best)
        joined.push(parts[i]! + parts[++i]!);
      else joined.push(parts[i]!);
    parts = joined;
  }
  return parts;
}
