/** The stack machine that a pickle drives: it holds plain values and tensor descriptions, within fixed limits. */

import { quoteName } from './checkpoint-error.ts';
import type { PickleCursor } from './pickle-cursor.ts';
import { isPickleKey, ofKind, type PickleStorage, type PickleValue } from './pickle-value.ts';
import { callTorchGlobal, torchGlobal, torchStorage } from './torch-globals.ts';

/** Far above what 30,000 tensors need, and small enough for any machine. */
const limits = { containers: 250_000, stack: 1_000_000, marks: 1_000, memo: 1_000_000 } as const;

export class PickleMachine {
  /** Those named so far, by key. */
  readonly storages = new Map<string, PickleStorage>();
  readonly #cursor: PickleCursor;
  readonly #memo = new Map<number, PickleValue>();
  readonly #marks: number[] = [];
  readonly #stack: PickleValue[] = [];
  #containers = 0;

  /** @param cursor tells errors where they happened */
  constructor(cursor: PickleCursor) {
    this.#cursor = cursor;
  }

  /** Stops at a name or a class that only code would need. */
  refuse(name: string): never {
    throw this.#cursor.error(
      `it asks for ${quoteName(name)}, which tensors do not need and which may be harmful; if you trust where it ` +
        'comes from, load it in PyTorch and save its state_dict() alone',
    );
  }

  push(value: PickleValue): void {
    if (this.#stack.length === limits.stack) throw this.#cursor.error('too many values are pending');
    this.#stack.push(value);
  }

  pushContainer(value: PickleValue): void {
    if (++this.#containers > limits.containers)
      throw this.#cursor.error('it holds too many lists and dictionaries');
    this.push(value);
  }

  pop(): PickleValue {
    return this.popMany(1)[0]!;
  }

  /** The last `count` values, none of them from before the last mark. */
  popMany(count: number): PickleValue[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0))
      throw this.#cursor.error('a value is missing');
    return this.#stack.splice(this.#stack.length - count);
  }

  mark(): void {
    if (this.#marks.length === limits.marks) throw this.#cursor.error('it is nested too deeply');
    this.#marks.push(this.#stack.length);
  }

  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#cursor.error('a mark is missing');
    return this.#stack.splice(mark);
  }

  append(items: PickleValue[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw this.#cursor.error('it appends to what is no list');
    for (const item of items) list.push(item);
  }

  setItems(items: PickleValue[]): void {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof Map)) throw this.#cursor.error('it sets an item of what is no dictionary');
    if (items.length % 2 === 1) throw this.#cursor.error('a key has no value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (!isPickleKey(key)) throw this.#cursor.error('a key is neither text nor number');
      dict.set(key, items[i + 1]!);
    }
  }

  /** Keeps the value on top under `index`, or the next free one. */
  remember(index = this.#memo.size): void {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#cursor.error('a value is missing');
    if (this.#memo.size === limits.memo) throw this.#cursor.error('it memorises too many values');
    this.#memo.set(index, value);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#cursor.error(`memorised value ${index} is missing`);
    this.push(value);
  }

  pushGlobal(module: string, name: string): void {
    const value = torchGlobal(`${module}.${name}`);
    this.push(value ?? this.refuse(`${module}.${name}`));
  }

  pushStackGlobal(): void {
    const [module, name] = this.popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.#cursor.error('a global has no name');
    this.pushGlobal(module, name);
  }

  /** A persistent id becomes the storage it names. */
  pushStorage(): void {
    const storage = torchStorage(this.pop());
    if (!storage) throw this.#cursor.error('it refers to what is no storage of a supported dtype');
    this.storages.set(storage.key, storage);
    this.pushContainer(storage);
  }

  reduce(): void {
    const [callable, args] = this.popMany(2);
    const global = ofKind('global', callable);
    if (!global || !Array.isArray(args)) throw this.#cursor.error('it calls what is no known global');
    const value = callTorchGlobal(global, args);
    if (value === undefined)
      throw this.#cursor.error(`it calls ${global.name} with arguments that do not suit it`);
    this.pushContainer(value);
  }

  /** Attributes, such as `_metadata` of a state_dict, are dropped; only dictionaries may have them. */
  build(): void {
    this.pop();
    if (!(this.#stack.at(-1) instanceof Map))
      throw this.#cursor.error('it sets attributes of what is no dictionary');
  }
}
