/** Types of flags for cleye: each turns a value into what the command needs, or says what the flag takes. */

import type { Flags, TypeFlag } from 'cleye';
import { UsageError } from './usage-error.ts';

/** One of a few words. */
export function choiceFlag<const Choice extends string>(
  flag: string,
  choices: readonly Choice[],
): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw new UsageError(`${flag} takes ${listWords(choices)}, not ${quote(text)}`);
    return choice;
  };
}

/** A whole number within [`min`, `max`]. */
export function integerFlag(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new UsageError(`${flag} takes a whole number from ${min} to ${max}, not ${quote(text)}`);
    return value;
  };
}

/** A number within [`min`, `max`]. */
export function numberFlag(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new UsageError(`${flag} takes a number from ${min} to ${max}, not ${quote(text)}`);
    return value;
  };
}

/** Numbers between commas, as many as `names`. */
export function tupleFlag(flag: string, names: readonly string[]): (text: string) => number[] {
  return (text) => {
    const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    if (values.length !== names.length || !values.every(Number.isFinite))
      throw new UsageError(`${flag} takes ${names.join(',')} as numbers, not ${quote(text)}`);
    return values;
  };
}

/** Any text, but not none: `--output` at the end of a command line is a mistake. */
export function textFlag(flag: string, what: string): (text: string) => string {
  return (text) => {
    if (text === '') throw new UsageError(`${flag} needs ${what} after it`);
    return text;
  };
}

/**
 * @param unknown the flags that cleye found no definition for
 * @param known names of the command's flags, in camel case
 * @throws {UsageError} for the first unknown one, with the known one that comes closest
 */
export function rejectUnknownFlags(
  unknown: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  const [name] = Object.keys(unknown);
  if (name === undefined) return;
  const names = known.map((flag) => flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  const closest = names.map((flag) => ({ flag, distance: editDistance(name, flag) }));
  closest.sort((a, b) => a.distance - b.distance);
  const hint =
    closest[0] && closest[0].distance <= 2 ? `; did you mean --${closest[0].flag}?` : '; see --help';
  throw new UsageError(`Unknown flag ${name.length === 1 ? '-' : '--'}${name}${hint}`);
}

/** Insertions, deletions and replacements of one letter that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function listWords(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function quote(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text);
}

/** What was given of a command's flags, each of the type that its parser gives; the rest are absent or undefined. */
export type GivenFlags<Schema extends Flags> = {
  readonly [Name in keyof TypeFlag<Schema>['flags']]?: ReadOnly<TypeFlag<Schema>['flags'][Name]>;
};

type ReadOnly<Given> = Given extends readonly (infer Item)[] ? readonly ReadOnly<Item>[] : Given;
