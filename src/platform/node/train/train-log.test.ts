import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../files/crc32c.ts';
import { readImageFile } from '../picture/image-file.ts';
import { openTrainLog } from './train-log.ts';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'train-log-')), 'run');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const lines = async (): Promise<Record<string, unknown>[]> =>
  (await readFile(join(folder, 'log.jsonl'), 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
const iterations = async (): Promise<unknown[]> => (await lines()).map(({ iteration }) => iteration);

/** Fields of a protobuf message by number: varints and doubles as numbers, the rest as bytes. */
function readMessage(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    let value: number | Uint8Array;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 1) {
      value = view.getFloat64(at, true);
      at += 8;
    } else if (tag % 8 === 5) {
      value = view.getFloat32(at, true);
      at += 4;
    } else {
      const length = varint();
      value = bytes.subarray(at, at + length);
      at += length;
    }
    const number = Math.floor(tag / 8);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}
const inner = (fields: Map<number, (number | Uint8Array)[]>, number: number) =>
  readMessage(fields.get(number)![0] as Uint8Array);
const text = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);

/** The events of a file; checks both checksums of every record. */
function readEvents(file: Buffer): Map<number, (number | Uint8Array)[]>[] {
  const unmask = (masked: number): number => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  const events = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(unmask(file.readUInt32LE(at + 8))).toBe(crc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(unmask(file.readUInt32LE(at + 12 + length))).toBe(crc32c(data));
    events.push(readMessage(data));
    at += 16 + length;
  }
  return events;
}
const eventFiles = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith('events.out.tfevents.')).sort();

describe('a training log', () => {
  it('has a JSON line an iteration, whose numbers read back to the same doubles', async () => {
    const log = await openTrainLog(folder, 0);
    const values = { 'loss/l1': 0.1 + 0.2, rate: 5e-324, zero: -0, large: 2 ** 53 + 2 };
    await log.scalars(1, values);
    await log.scalars(2, { loss: Number.NaN, other: Number.NEGATIVE_INFINITY });
    await log.close();
    const [first, second] = await lines();
    expect(Number.isNaN(Date.parse(String(first!['time'])))).toBe(false);
    expect(first).toEqual({ iteration: 1, time: first!['time'], ...values });
    expect(Object.is(first!['zero'], -0)).toBe(true);
    expect(second).toMatchObject({ iteration: 2, loss: 'NaN', other: '-Infinity' });
  });

  it('is read by TensorBoard: version, start, scalars, image', async () => {
    const log = await openTrainLog(folder, 40);
    const before = Date.now();
    await log.scalars(41, { loss: 0.25, psnr: 24.5 });
    const pixels = {
      width: 3,
      height: 2,
      channels: 3,
      data: Uint8Array.from({ length: 18 }, (_, i) => i * 14),
    } as const;
    await log.picture(300, 'samples', pixels);
    await log.close();

    const [file] = await eventFiles();
    const [version, start, scalars, image] = readEvents(await readFile(join(folder, file!)));
    expect(text(version!.get(3)![0])).toBe('brain.Event:2');
    expect(start!.get(2)).toEqual([41]);
    expect(inner(start!, 7).get(1)).toEqual([1]);
    expect(scalars!.get(1)![0]).toBeCloseTo(before / 1000, -1);
    expect(scalars!.get(2)).toEqual([41]);
    const values = inner(scalars!, 5)
      .get(1)!
      .map((value) => readMessage(value as Uint8Array));
    expect(values.map((value) => [text(value.get(1)![0]), value.get(2)![0]])).toEqual([
      ['loss', 0.25],
      ['psnr', 24.5],
    ]);
    expect(image!.get(2)).toEqual([300]);
    const value = inner(inner(image!, 5), 1);
    const picture = inner(value, 4);
    expect(text(value.get(1)![0])).toBe('samples');
    expect([1, 2, 3].map((number) => picture.get(number)![0])).toEqual([2, 3, 3]);

    const path = join(folder, 'pictures/samples-000300.png');
    expect(Buffer.compare(await readFile(path), Buffer.from(picture.get(4)![0] as Uint8Array))).toBe(0);
    expect([...(await readImageFile(path)).pixels.data]).toEqual([...pixels.data]);
  });

  it('drops what came after the checkpoint, and a line cut off by a kill; events go to a later file', async () => {
    const log = await openTrainLog(folder, 0);
    for (const iteration of [1, 2, 3, 4]) await log.scalars(iteration, { loss: iteration });
    await log.close();
    const whole = await readFile(join(folder, 'log.jsonl'), 'utf8');
    await writeFile(join(folder, 'log.jsonl'), `${whole}{"iteration":5,"ti`);

    const resumed = await openTrainLog(folder, 2);
    expect(await iterations()).toEqual([1, 2]);
    await resumed.scalars(3, { loss: 3 });
    await resumed.close();
    expect(await iterations()).toEqual([1, 2, 3]);
    const files = await eventFiles();
    expect(files).toHaveLength(2);
    const [, start, scalars] = readEvents(await readFile(join(folder, files[1]!)));
    expect(start!.get(2)).toEqual([3]);
    expect(scalars!.get(2)).toEqual([3]);
  });

  it('keeps none of an earlier run at -1, and a kept log untouched', async () => {
    const first = await openTrainLog(folder, -1);
    await first.scalars(0, { loss: 1 });
    await first.close();
    await (await openTrainLog(folder, 0)).close();
    expect(await iterations()).toEqual([0]);
    await (await openTrainLog(folder, -1)).close();
    expect(await iterations()).toEqual([]);
  });

  it('keeps entries apart that are written without waiting', async () => {
    const log = await openTrainLog(folder, 0);
    const expected = Array.from({ length: 50 }, (_, i) => i + 1);
    await Promise.all(expected.map((iteration) => log.scalars(iteration, { loss: iteration })));
    await log.close();
    expect(await iterations()).toEqual(expected);
    const [file] = await eventFiles();
    expect(readEvents(await readFile(join(folder, file!)))).toHaveLength(52);
  });

  it('refuses names that would break it, and a file that is no log', async () => {
    const log = await openTrainLog(folder, 0);
    const pixels = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) } as const;
    await expect(log.scalars(1, { time: 3 })).rejects.toThrow('Cannot log a value named time');
    await expect(log.picture(1, '../x', pixels)).rejects.toThrow('Cannot log a picture named "../x"');
    await log.close();
    await writeFile(join(folder, 'log.jsonl'), '{"iteration":1}\nnotes\n');
    await expect(openTrainLog(folder, 5)).rejects.toThrow(/log\.jsonl, line 2: it is no log entry/);
  });
});
