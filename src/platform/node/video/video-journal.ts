/** What is known and done of a video so far, in a folder beside the result: a stopped run goes on from there. */

import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { DetectedFace } from '../../../face/face-detector.ts';
import { writeFileAtomically } from '../files/atomic-write.ts';
import { exists } from '../files/file-kind.ts';
import { makeFolder } from '../files/make-folder.ts';
import { explainSystemError } from '../files/system-error.ts';

const point = z.tuple([z.number(), z.number()]);
const box = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
const faceSchema = z.object({
  box,
  score: z.number(),
  landmarks: z.array(point),
  outline: z.array(point).optional(),
  sharpness: z.number(),
});
const frameSchema = z.object({
  frame: z.int(),
  timeUs: z.number(),
  /** begins a new scene */
  cut: z.boolean(),
  faces: z.array(faceSchema),
});
const partSchema = z.object({
  name: z.string().regex(/^part-\d+\.nut$/),
  firstFrame: z.int(),
  frames: z.int().positive(),
  startUs: z.number(),
});

/** A face as it was found in a frame. */
export type FoundFace = DetectedFace & { readonly sharpness: number };
interface SearchedFrame extends Omit<z.infer<typeof frameSchema>, 'faces'> {
  readonly faces: readonly FoundFace[];
}
type DonePart = z.infer<typeof partSchema>;

export interface VideoKeys {
  /** names the video and how faces are looked for in it */
  readonly search: string;
  /** names how they are restored */
  readonly restoration: string;
}

/** The folder of one result. */
export class VideoJournal {
  readonly folder: string;
  /** of the first frames, in order */
  readonly searched: SearchedFrame[];
  /** whether these are all frames */
  searchDone: boolean;
  /** of the first frames, in order */
  readonly parts: DonePart[];

  private constructor(folder: string, searched: SearchedFrame[], searchDone: boolean, parts: DonePart[]) {
    this.folder = folder;
    this.searched = searched;
    this.searchDone = searchDone;
    this.parts = parts;
  }

  /** Opens the folder, and clears from it what was made from another video or with other settings. */
  static async open(folder: string, keys: VideoKeys): Promise<VideoJournal> {
    const before = await readFile(path.join(folder, 'keys.json'), 'utf8')
      .then((text) => JSON.parse(text) as Partial<VideoKeys>)
      .catch(() => undefined);
    if (before?.search !== keys.search) await rm(folder, { recursive: true, force: true });
    await makeFolder(folder);
    if (before?.restoration !== keys.restoration) await rm(path.join(folder, 'parts.jsonl'), { force: true });
    await writeFileAtomically(path.join(folder, 'keys.json'), JSON.stringify(keys));
    const searched = (await readLines(path.join(folder, 'faces.jsonl'), frameSchema)).filter(
      ({ frame }, i) => frame === i,
    );
    const searchDone = (await stat(path.join(folder, 'faces.done')).catch(() => undefined)) !== undefined;
    const parts: DonePart[] = [];
    let next = 0;
    for (const part of await readLines(path.join(folder, 'parts.jsonl'), partSchema)) {
      if (part.firstFrame !== next || !(await exists(path.join(folder, part.name)))) break;
      parts.push(part);
      next += part.frames;
    }
    return new VideoJournal(folder, searched, searchDone, parts);
  }

  async addSearched(frame: SearchedFrame): Promise<void> {
    await appendLine(path.join(this.folder, 'faces.jsonl'), frame);
    this.searched.push(frame);
  }

  async endSearch(): Promise<void> {
    await writeFile(path.join(this.folder, 'faces.done'), '');
    this.searchDone = true;
  }

  /** The file of the part that comes next. */
  nextPartFile(): string {
    return path.join(this.folder, partName(this.parts.length));
  }

  /** To be called when the part's file is whole. */
  async addPart(part: Omit<DonePart, 'name'>): Promise<void> {
    const named = { ...part, name: partName(this.parts.length) };
    await appendLine(path.join(this.folder, 'parts.jsonl'), named);
    this.parts.push(named);
  }

  /** For when the result is there. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function partName(index: number): string {
  return `part-${String(index).padStart(5, '0')}.nut`;
}

/** A line that a killed process left unfinished stays alone on its line. */
async function appendLine(file: string, value: unknown): Promise<void> {
  try {
    await appendFile(file, `\n${JSON.stringify(value)}`);
  } catch (error) {
    throw new Error(`Cannot write ${file}: ${explainSystemError(error)}`, { cause: error });
  }
}

/** The lines that are whole; a damaged one is passed over. */
async function readLines<T>(file: string, schema: z.ZodType<T>): Promise<T[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return [schema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}
