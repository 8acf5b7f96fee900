/** The log of a training run: JSON lines, TensorBoard events and pictures, in one folder. */

import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BytePixels } from '../../../image/pixels.ts';
import { writeFileAtomically } from '../files/atomic-write.ts';
import { makeFolder } from '../files/make-folder.ts';
import { explainSystemError } from '../files/system-error.ts';
import { encodeImage } from '../picture/encode-image.ts';
import { type EventContent, encodeEventRecord } from './tensorboard-events.ts';

export interface TrainLog {
  /**
   * Writes the values of an iteration, as doubles to the JSON lines and as float32 for TensorBoard.
   * @throws {RangeError} for a value named `iteration` or `time`, which every line has already
   */
  scalars(iteration: number, values: Readonly<Record<string, number>>): Promise<void>;
  /**
   * Writes a picture, as `pictures/NAME-000100.png` and for TensorBoard.
   * @param name letters, digits, `.`, `_` and `-`
   * @param pixels three channels
   */
  picture(iteration: number, name: string, pixels: BytePixels): Promise<void>;
  /** Has what was written outlast a power cut. */
  sync(): Promise<void>;
  /** Closes the files; what was written is in them already. */
  close(): Promise<void>;
}

/**
 * Opens the log in `folder`, making the folder if needed. A run that was killed had gone on after its last
 * checkpoint: what was logged after iteration `resumeAt` is dropped, to be logged again.
 *
 * `log.jsonl` has a line for each call of `scalars`: `{"iteration", "time", …values}`. Numbers read back to the
 * same double; those that JSON lacks are the strings "NaN", "Infinity" and "-Infinity".
 * @param resumeAt the last iteration whose entries stay; -1 keeps none
 * @throws {SyntaxError} if `log.jsonl` is something else
 */
export async function openTrainLog(folder: string, resumeAt: number): Promise<TrainLog> {
  await makeFolder(folder);
  const linesFile = join(folder, 'log.jsonl');
  await dropLines(linesFile, resumeAt);
  const lines = await openAppender(linesFile);
  const events = await openAppender(join(folder, await nextEventFile(folder)));
  const addEvent = (iteration: number, content: EventContent): Promise<void> =>
    events.append(encodeEventRecord(iteration, Date.now(), content));
  await addEvent(0, { kind: 'fileVersion' });
  await addEvent(resumeAt + 1, { kind: 'start' });
  return {
    async scalars(iteration, values) {
      await lines.append(formatLine(iteration, values));
      await addEvent(iteration, { kind: 'scalars', values });
    },
    async picture(iteration, name, pixels) {
      if (!/^[\w-][\w.-]*$/.test(name))
        throw new RangeError(
          `Cannot log a picture named ${JSON.stringify(name)}: use letters, digits, . _ and -`,
        );
      const png = await encodeImage(pixels, 'png');
      const file = `${name}-${String(iteration).padStart(6, '0')}.png`;
      await writeFileAtomically(join(folder, 'pictures', file), png);
      const { width, height, channels } = pixels;
      await addEvent(iteration, { kind: 'image', tag: name, width, height, channels, png });
    },
    async sync() {
      await lines.sync();
      await events.sync();
    },
    async close() {
      await lines.close();
      await events.close();
    },
  };
}

interface Appender {
  append(data: string | Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

async function openAppender(path: string): Promise<Appender> {
  const explain = (error: unknown): never => {
    throw new Error(`Cannot write ${path}: ${explainSystemError(error)}`, { cause: error });
  };
  const file: FileHandle = await open(path, 'a').catch(explain);
  // One after another: pieces of two entries must not mix.
  let last: Promise<unknown> = Promise.resolve();
  return {
    append(data) {
      const written = last.then(() => file.appendFile(data)).catch(explain);
      last = written.catch(() => undefined);
      return written;
    },
    async sync() {
      await last;
      await file.sync().catch(explain);
    },
    async close() {
      await last;
      await file.close();
    },
  };
}

/** TensorBoard reads the files of a folder in the order of their names, which begin with a time in seconds. */
async function nextEventFile(folder: string): Promise<string> {
  const times = (await readdir(folder)).map((name) =>
    Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1]),
  );
  const latest = Math.max(0, ...times.filter(Number.isSafeInteger));
  const seconds = Math.max(Math.floor(Date.now() / 1000), latest + 1);
  return `events.out.tfevents.${String(seconds).padStart(10, '0')}.interlcm`;
}

function formatLine(iteration: number, values: Readonly<Record<string, number>>): string {
  for (const name of ['iteration', 'time'])
    if (Object.hasOwn(values, name))
      throw new RangeError(`Cannot log a value named ${name}: every line has one already`);
  const time = JSON.stringify(new Date().toISOString());
  const entries = Object.entries(values).map(
    ([name, value]) => `,${JSON.stringify(name)}:${formatNumber(value)}`,
  );
  return `{"iteration":${iteration},"time":${time}${entries.join('')}}\n`;
}

function formatNumber(value: number): string {
  if (Object.is(value, -0)) return '-0'; // JSON.stringify drops the sign
  return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value));
}

/** Rewrites the file without what came after `resumeAt` and without a last line that was cut off. */
async function dropLines(path: string, resumeAt: number): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`Cannot read ${path}: ${explainSystemError(error)}`, { cause: error });
  });
  if (text === undefined) return;
  const whole = text.split('\n').slice(0, -1);
  const kept = whole.filter((line, i) => iterationOf(line, `${path}, line ${i + 1}`) <= resumeAt);
  const keptText = kept.map((line) => `${line}\n`).join('');
  if (keptText !== text) await writeFileAtomically(path, keptText);
}

function iterationOf(line: string, place: string): number {
  const problem = `Cannot continue the log at ${place}: it is no log entry. Move the file away, or log to another folder`;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch (cause) {
    throw new SyntaxError(problem, { cause });
  }
  const iteration = (entry as { iteration?: unknown } | null)?.iteration;
  if (typeof iteration !== 'number') throw new SyntaxError(problem);
  return iteration;
}
