/**
 * A reader for the part of Python's pickle format that PyTorch checkpoints of tensors use. It builds plain values
 * and tensor descriptions, never an object of the file's choosing, within limits of memory and time.
 * @see CPython, Lib/pickletools.py
 */

import { PickleCursor } from './pickle-cursor.ts';
import { PickleMachine } from './pickle-machine.ts';
import type { PickleStorage, PickleValue } from './pickle-value.ts';

const proto = 0x80;
const stop = 0x2e;

type Step = (machine: PickleMachine, cursor: PickleCursor) => void;

/** What each opcode does; there are no others. */
const steps: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x28, (m) => m.mark()], // MARK
  [0x29, (m) => m.pushContainer([])], // EMPTY_TUPLE
  [0x42, (m, c) => m.pushContainer({ kind: 'bytes', data: c.bytes(c.uint32()) })], // BINBYTES
  [0x43, (m, c) => m.pushContainer({ kind: 'bytes', data: c.bytes(c.uint8()) })], // SHORT_BINBYTES
  [0x47, (m, c) => m.push(c.float64())], // BINFLOAT
  [0x4a, (m, c) => m.push(c.int32())], // BININT
  [0x4b, (m, c) => m.push(c.uint8())], // BININT1
  [0x4d, (m, c) => m.push(c.uint16())], // BININT2
  [0x4e, (m) => m.push(null)], // NONE
  [0x51, (m) => m.pushStorage()], // BINPERSID
  [0x52, (m) => m.reduce()], // REDUCE
  [0x54, (m, c) => m.push(c.text(c.uint32()))], // BINSTRING
  [0x55, (m, c) => m.push(c.text(c.uint8()))], // SHORT_BINSTRING
  [0x58, (m, c) => m.push(c.text(c.uint32()))], // BINUNICODE
  [0x5d, (m) => m.pushContainer([])], // EMPTY_LIST
  [0x61, (m) => m.append(m.popMany(1))], // APPEND
  [0x62, (m) => m.build()], // BUILD
  [0x63, (m, c) => m.pushGlobal(c.line(), c.line())], // GLOBAL
  [0x65, (m) => m.append(m.popToMark())], // APPENDS
  [0x68, (m, c) => m.recall(c.uint8())], // BINGET
  [0x69, (m, c) => m.refuse(`${c.line()}.${c.line()}`)], // INST
  [0x6a, (m, c) => m.recall(c.uint32())], // LONG_BINGET
  [0x6f, (m) => m.refuse('an object of a class')], // OBJ
  [0x71, (m, c) => m.remember(c.uint8())], // BINPUT
  [0x72, (m, c) => m.remember(c.uint32())], // LONG_BINPUT
  [0x73, (m) => m.setItems(m.popMany(2))], // SETITEM
  [0x74, (m) => m.pushContainer(m.popToMark())], // TUPLE
  [0x75, (m) => m.setItems(m.popToMark())], // SETITEMS
  [0x7d, (m) => m.pushContainer(new Map())], // EMPTY_DICT
  [0x81, (m) => m.refuse('an object of a class')], // NEWOBJ
  [0x85, (m) => m.pushContainer(m.popMany(1))], // TUPLE1
  [0x86, (m) => m.pushContainer(m.popMany(2))], // TUPLE2
  [0x87, (m) => m.pushContainer(m.popMany(3))], // TUPLE3
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x8a, (m, c) => m.push(c.integer(m.spend(c.uint8())))], // LONG1
  [0x8c, (m, c) => m.push(c.text(c.uint8()))], // SHORT_BINUNICODE
  [0x8d, (m, c) => m.push(c.text(c.uint64()))], // BINUNICODE8
  [0x8e, (m, c) => m.pushContainer({ kind: 'bytes', data: c.bytes(c.uint64()) })], // BINBYTES8
  [0x92, (m) => m.refuse('an object of a class')], // NEWOBJ_EX
  [0x93, (m) => m.pushStackGlobal()], // STACK_GLOBAL
  [0x94, (m) => m.remember()], // MEMOIZE
  [0x95, (_, c) => c.skip(8)], // FRAME
  [0x96, (m, c) => m.pushContainer({ kind: 'bytes', data: c.bytes(c.uint64()) })], // BYTEARRAY8
]);

/**
 * The value of a pickle of protocol 2 to 5. No code runs and no object is made, whatever the bytes say.
 * @param file its name, for errors
 * @throws {CheckpointError} for a global or opcode that tensors do not need, and for damaged bytes
 */
export function parsePickle(file: string, bytes: Uint8Array<ArrayBuffer>): PickleValue {
  return parsePickleAt(file, bytes, 0).value;
}

export interface ParsedPickle {
  readonly value: PickleValue;
  /** Every storage that it refers to, by key. */
  readonly storages: ReadonlyMap<string, PickleStorage>;
  /** Of the byte after the pickle. */
  readonly end: number;
}

/** As {@link parsePickle}, of a pickle among other bytes. */
export function parsePickleAt(file: string, bytes: Uint8Array<ArrayBuffer>, start: number): ParsedPickle {
  const cursor = new PickleCursor(file, bytes, start);
  const machine = new PickleMachine(cursor);
  const protocol = cursor.opcode() === proto ? cursor.uint8() : 0;
  if (protocol < 2 || protocol > 5) throw cursor.error('it is not a pickle of protocol 2 to 5');
  for (;;) {
    const code = cursor.opcode();
    if (code === stop) return { value: machine.pop(), storages: machine.storages, end: cursor.position };
    const step = steps.get(code);
    machine.spend(1);
    if (!step) throw cursor.error(`opcode 0x${code.toString(16)} has no place in a checkpoint of tensors`);
    step(machine, cursor);
  }
}
