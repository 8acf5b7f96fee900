/** Scores kept picture by picture, so that a run that was stopped goes on where it was. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { MeasuredPicture } from '../../../measure/measured-picture.ts';
import { explainSystemError } from '../files/system-error.ts';

export interface ScoresJournal {
  /** What was measured under a key. */
  find(key: string): MeasuredPicture | undefined;
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
 * Opens a journal, or begins one.
 * @param settings what else the scores depend on: metrics, weights, size
 * @throws {Error} if the file holds something else, or scores of other settings
 */
export async function openScoresJournal(file: string, settings: string): Promise<ScoresJournal> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`Cannot go on from ${file}: ${explainSystemError(error)}`, { cause: error });
  });
  const found = new Map<string, MeasuredPicture>();
  const head = `${JSON.stringify({ interlcm: 'scores', settings })}\n`;
  if (text === undefined || text === '') await writeFile(file, head);
  else {
    const [first = '', ...lines] = text.split('\n');
    const parsed = headSchema.safeParse(parseLine(first));
    if (!parsed.success) throw new Error(`Cannot go on from ${file}: it is no journal of scores`);
    if (parsed.data.settings !== settings)
      throw new Error(
        `Cannot go on from ${file}: its scores are of other metrics, weights or a size. Name another journal`,
      );
    // What a kill cut off is measured again, on a line of its own.
    if (!text.endsWith('\n')) await appendFile(file, '\n');
    for (const line of lines) {
      const entry = lineSchema.safeParse(parseLine(line));
      if (!entry.success) continue;
      const { key, scores, features } = entry.data;
      found.set(key, {
        scores,
        ...(features && {
          features: {
            own: decode(features.own),
            ...(features.truth !== undefined && { truth: decode(features.truth) }),
          },
        }),
      });
    }
  }
  return {
    find: (key) => found.get(key),
    known: found.size,
    async add(key, { scores, features }) {
      const kept = features && { own: encode(features.own), truth: features.truth && encode(features.truth) };
      await appendFile(file, `${JSON.stringify({ key, scores, features: kept })}\n`);
    },
  };
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
