/** `interlcm faces`: what is found in photos, listed and drawn. */
import { command } from 'cleye';
import type { FaceDetector } from '../../face/face-detector.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { withAdvice } from '../terminal/advice.ts';
import { type GivenFlags, rejectUnknownFlags, textFlag } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { networkFolders } from '../terminal/network-files.ts';
import { noFaceAdvice } from '../terminal/no-face-advice.ts';
import { findDetectorFile, searchFlags } from '../terminal/search-flags.ts';
import { printable } from '../terminal/terminal-text.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { PhotoFaces } from './find-faces.ts';

const flags = {
  output: {
    type: textFlag('--output', 'a file or a folder'),
    alias: 'o',
    placeholder: '<path>',
    description:
      'Also write the photo with boxes, landmarks and numbers: a picture file, or a folder for several',
  },
  ...searchFlags,
  recursive: { type: Boolean, alias: 'r', description: 'Also take folders inside folders' },
  json: { type: Boolean, description: 'Write the list as one JSON document to standard output' },
} as const;

export const facesCommand = command(
  {
    name: 'faces',
    parameters: ['[photos...]'],
    flags,
    help: {
      description:
        'List the faces in photos, from the largest to the smallest: number, score, size, box, and what found them. Exits with 1 if a photo cannot be read, with 3 if one shows no face',
      examples: ['interlcm faces photo.jpg', 'interlcm faces photo.jpg -o annotated.png --json'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    process.exitCode = await runFaces(parsed._.photos, parsed.flags, {
      loadDetector: async (file) => {
        const { loadFaceDetector } = await import('../../platform/node/model/load-face-detector.ts');
        return loadFaceDetector({ file });
      },
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruptSignal(),
    });
  },
);

export type FacesFlags = GivenFlags<typeof flags>;

interface FacesEnvironment {
  /** @param file of RetinaFace; the built-in detector without one */
  readonly loadDetector: (file?: string) => Promise<FaceDetector>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/**
 * @returns the exit code: 0, 1 if a photo cannot be read or written, 3 if one shows no face
 * @throws {UsageError} if the flags do not fit, Error if the detector that they name has not been downloaded
 */
export async function runFaces(
  photos: readonly string[],
  settings: FacesFlags,
  environment: FacesEnvironment,
): Promise<number> {
  if (photos.length === 0) throw new UsageError('faces needs a photo, a folder or a glob; see faces --help');
  const detectorFile = await findDetectorFile(settings.detector, networkFolders(undefined));
  const { findAnnotatedFiles, findFaces } = await import('./find-faces.ts');
  const { files, problems } = await findAnnotatedFiles(photos, settings);
  const { stdout, stderr, signal } = environment;
  const reports: PhotoFaces[] = problems.map(({ path, message, failure }) => ({
    ...nothing,
    input: path,
    error: withAdvice(message, failure),
  }));
  for (const { error } of reports) stderr.write(`${printable(error!)}\n`);
  const detector = files.length > 0 ? await environment.loadDetector(detectorFile) : undefined;
  for (const file of files) {
    const report = await untilAborted(findFaces(file, detector!, { ...settings, signal }), signal);
    reports.push(report);
    if (report.error !== null) stderr.write(`${printable(report.error)}\n`);
    else if (!settings.json) stdout.write(formatFaces(report));
  }
  await detector?.release();
  if (settings.json) stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  if (reports.some(({ error }) => error !== null)) return 1;
  return reports.some(({ faces }) => faces.length === 0) ? 3 : 0;
}

const nothing = { width: null, height: null, detector: null, faces: [], output: null, error: null } as const;

function formatFaces({ input, width, height, detector, faces, output }: PhotoFaces): string {
  const count = faces.length === 0 ? 'no face' : faces.length === 1 ? '1 face' : `${faces.length} faces`;
  const lines = [`${input}: ${width} x ${height}, ${count} by ${detector}${output ? ` → ${output}` : ''}`];
  for (const { index, score, box } of faces) {
    const size = `${Math.round(box.width)} x ${Math.round(box.height)}`;
    lines.push(
      `  ${String(index).padStart(2)}  score ${score.toFixed(2)}  ${size.padStart(11)} at ${Math.round(box.x)},${Math.round(box.y)}`,
    );
  }
  if (faces.length === 0 && width !== null && height !== null)
    lines.push(`  ${noFaceAdvice({ width, height })}`);
  return `${lines.map(printable).join('\n')}\n`;
}
