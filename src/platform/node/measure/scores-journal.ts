/** Scores kept picture by picture, so that a run that was stopped goes on where it was. */
import { createReadStream } from 'node:fs';
import { appendFile, open, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { MeasuredPicture } from '../../../measure/measured-picture.ts';
import { explainSystemError } from '../files/system-error.ts';

export interface ScoresJournal {
  /** What was measured under a key. */
  find(key: string): Promise<MeasuredPicture | undefined>;
  add(key: string, measured: MeasuredPicture): Promise<void>;
  /** Pictures that were there when it was opened. */
  readonly known: number;
}

const lineSchema = z.object({
  key: z.string(),
  // JSON has no infinity, which the PSNR of equal pictures is.
  scores: z.record(
    z.string(),
    z
      .number()
      .nullable()
      .transform((score) => score ?? Number.POSITIVE_INFINITY),
  ),
  features: z.object({ own: z.string(), truth: z.string().optional() }).optional(),
});
const headSchema = z.object({ interlcm: z.literal('scores'), settings: z.string() });

/**
 * Opens a journal, or begins one. Features of many pictures are large: they stay in the file until they are asked for.
 * @param settings what else the scores depend on: metrics, weights, size
 * @throws {Error} if the file holds something else, or scores of other settings
 */
export async function openScoresJournal(file: string, settings: string): Promise<ScoresJournal> {
  const places = new Map<string, Line['place']>();
  let last: Line | undefined;
  try {
    for await (const line of linesOf(file)) {
      if (!last) requireHead(file, line.text, settings);
      else {
        const entry = lineSchema.safeParse(parseLine(line.text));
        if (entry.success) places.set(entry.data.key, line.place);
      }
      last = line;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined && code !== 'ENOENT')
      throw new Error(`Cannot go on from ${file}: ${explainSystemError(error)}`, { cause: error });
    if (code === undefined) throw error;
  }
  if (!last) await writeFile(file, `${JSON.stringify({ interlcm: 'scores', settings })}\n`);
  // What a kill cut off is measured again, on a line of its own.
  else if (!last.ended) await appendFile(file, '\n');
  return {
    async find(key) {
      const place = places.get(key);
      if (!place) return undefined;
      const { scores, features } = lineSchema.parse(JSON.parse(await readPlace(file, place)));
      const truth = features?.truth;
      return {
        scores,
        ...(features && {
          features: { own: decode(features.own), ...(truth !== undefined && { truth: decode(truth) }) },
        }),
      };
    },
    known: places.size,
    async add(key, { scores, features }) {
      const kept = features && { own: encode(features.own), truth: features.truth && encode(features.truth) };
      await appendFile(file, `${JSON.stringify({ key, scores, features: kept })}\n`);
    },
  };
}

function requireHead(file: string, first: string, settings: string): void {
  const parsed = headSchema.safeParse(parseLine(first));
  if (!parsed.success) throw new Error(`Cannot go on from ${file}: it is no journal of scores`);
  if (parsed.data.settings !== settings)
    throw new Error(
      `Cannot go on from ${file}: its scores are of other metrics, weights or a size. Name another journal`,
    );
}

interface Line {
  readonly text: string;
  /** In bytes. */
  readonly place: { readonly offset: number; readonly length: number };
  /** Whether a line break follows. */
  readonly ended: boolean;
}

/** Longer first lines, of a file that is no journal, are cut. */
const longestLine = 2 ** 20;

async function* linesOf(file: string): AsyncGenerator<Line> {
  let offset = 0;
  let rest = Buffer.alloc(0);
  const line = (bytes: Buffer, ended: boolean): Line => ({
    text: bytes.toString('utf8'),
    place: { offset, length: bytes.length },
    ended,
  });
  for await (const chunk of createReadStream(file)) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield line(rest.subarray(0, end), true);
      offset += end + 1;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > longestLine) break;
  }
  if (rest.length > 0) yield line(rest, false);
}

async function readPlace(
  file: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<string> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(length);
    await handle.read(bytes, 0, length, offset);
    return bytes.toString('utf8');
  } finally {
    await handle.close();
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

const encode = (vector: Float32Array): string =>
  Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
function decode(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
