/** The stack machine that a pickle drives: it holds plain values and tensor descriptions, within fixed limits. */

import { fileLimits } from '../tensor/file-limits.ts';
import { quoteName } from './checkpoint-error.ts';
import { setNumpyState } from './numpy-globals.ts';
import type { PickleCursor } from './pickle-cursor.ts';
import { ofKind, type PickleStorage, type PickleValue, pickleKey } from './pickle-value.ts';
import { callTorchGlobal, torchGlobal, torchStorage } from './torch-globals.ts';

const limits = fileLimits.pickle;

export class PickleMachine {
  /** Those named so far, by key. */
  readonly storages = new Map<string, PickleStorage>();
  readonly #cursor: PickleCursor;
  readonly #memo = new Map<number, PickleValue>();
  readonly #marks: number[] = [];
  readonly #stack: PickleValue[] = [];
  #containers = 0;
  #items = 0;
  #work = 0;
  #bytes = 0;

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

  /** Counts what an opcode costs, so that no pickle takes longer than its limit allows. */
  spend(work: number): number {
    this.#work += work;
    if (this.#work > limits.work)
      throw this.#cursor.error(`it asks for more than ${limits.work} steps, which tensors do not need`);
    return work;
  }

  push(value: PickleValue): void {
    if (this.#stack.length === limits.stack)
      throw this.#cursor.error(`more than ${limits.stack} values are pending`);
    this.#stack.push(value);
  }

  pushContainer(value: PickleValue): void {
    if (++this.#containers > limits.containers)
      throw this.#cursor.error(`it holds more than ${limits.containers} lists, dictionaries and tensors`);
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
    if (this.#marks.length === limits.marks)
      throw this.#cursor.error(`it is nested more than ${limits.marks} deep`);
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
    this.#keep(items.length);
    for (const item of items) list.push(item);
  }

  setItems(items: PickleValue[]): void {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof Map)) throw this.#cursor.error('it sets an item of what is no dictionary');
    if (items.length % 2 === 1) throw this.#cursor.error('a key has no value');
    this.#keep(items.length / 2);
    for (let i = 0; i < items.length; i += 2) {
      const key = pickleKey(items[i]!);
      if (key === undefined) throw this.#cursor.error('a key is neither text nor number');
      dict.set(key, items[i + 1]!);
    }
  }

  /** Keeps the value on top under `index`, or the next free one. */
  remember(index = this.#memo.size): void {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#cursor.error('a value is missing');
    if (this.#memo.size === limits.memo)
      throw this.#cursor.error(`it memorises more than ${limits.memo} values`);
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
    const known = this.storages.get(storage.key);
    if (known && (known.count !== storage.count || known.dtype !== storage.dtype))
      throw this.#cursor.error(
        `it names its storage ${quoteName(storage.key)} as ${known.count} ${known.dtype} elements and again as ` +
          `${storage.count} ${storage.dtype}`,
      );
    this.storages.set(storage.key, known ?? storage);
    this.pushContainer(known ?? storage);
  }

  reduce(): void {
    const [callable, args] = this.popMany(2);
    const global = ofKind('global', callable);
    if (!global || !Array.isArray(args)) throw this.#cursor.error('it calls what is no known global');
    this.#keep(args.reduce((sum: number, arg) => sum + (Array.isArray(arg) ? arg.length : 0), 0));
    // A text that was remembered could be made into bytes again and again.
    for (const arg of args) if (typeof arg === 'string') this.#makeBytes(arg.length);
    const value = callTorchGlobal(global, args);
    if (value === undefined)
      throw this.#cursor.error(`it calls ${global.name} with arguments that do not suit it`);
    this.pushContainer(value);
  }

  /** Counts items that a list or a dictionary comes to hold. */
  #keep(items: number): void {
    this.spend(items);
    this.#items += items;
    if (this.#items > limits.items)
      throw this.#cursor.error(`its lists and dictionaries hold more than ${limits.items} items`);
  }

  /** Attributes, such as `_metadata` of a state_dict, are dropped; arrays are filled; nothing else may have any. */
  build(): void {
    const state = this.pop();
    const target = this.#stack.at(-1);
    if (!(target instanceof Map) && !setNumpyState(target, state))
      throw this.#cursor.error('it sets attributes of what is no dictionary and no array of numbers');
  }

  #makeBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > limits.bytes)
      throw this.#cursor.error(`its arrays take more than ${limits.bytes} bytes`);
  }
}
