import { chinese } from './chinese.ts';
import { english } from './english.ts';
import type { Words } from './words.ts';

/** In the first of the reader's languages that there are words in; else English. */
export function chooseWords(languages: readonly string[]): Words {
  for (const language of languages) {
    if (/^zh\b/i.test(language)) return chinese;
    if (/^en\b/i.test(language)) return english;
  }
  return english;
}
