import { extname } from 'node:path';
import { annotateFaces } from '../../face/annotate-faces.ts';
import type { DetectedFace, DetectOptions, FaceDetector } from '../../face/face-detector.ts';
import { layOnWhite } from '../../image/transparency.ts';
import { writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { isFolder } from '../../platform/node/files/file-kind.ts';
import { findInputFiles, type InputFile, type InputFiles } from '../../platform/node/files/input-files.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import {
  type ImageFormat,
  imageFormats,
  pictureExtensions,
} from '../../platform/node/picture/image-format.ts';
import { adviseOn } from '../terminal/advice.ts';
import { planOutputFiles, refuseToOverwriteInputs } from '../terminal/output-files.ts';
import { pixelsOf } from '../terminal/search-flags.ts';
import { UsageError } from '../terminal/usage-error.ts';

/** The format that a picture's name asks for. */
function formatOf(file: string): ImageFormat | undefined {
  const extension = extname(file).toLowerCase();
  return imageFormats.find((format) => pictureExtensions[format].includes(extension));
}

/** What was found in one photo; sizes in pixels of the photo turned upright. */
export interface PhotoFaces {
  readonly input: string;
  readonly width: number | null;
  readonly height: number | null;
  /** what found them */
  readonly detector: string | null;
  readonly faces: readonly {
    readonly index: number;
    readonly score: number;
    readonly box: DetectedFace['box'];
    readonly landmarks: DetectedFace['landmarks'];
  }[];
  readonly output: string | null;
  readonly error: string | null;
}

interface AnnotatedFile {
  readonly input: InputFile;
  readonly annotated?: { readonly path: string; readonly format: ImageFormat };
}

/** @throws {UsageError} if one file is to hold several photos, or an input would be replaced */
export async function findAnnotatedFiles(
  photos: readonly string[],
  {
    recursive = false,
    output,
  }: { readonly recursive?: boolean | undefined; readonly output?: string | undefined },
): Promise<{ files: AnnotatedFile[]; problems: InputFiles['problems'] }> {
  const found = await findInputFiles(photos, { recursive, outputFolder: output ?? '' });
  if (output === undefined) return { ...found, files: found.files.map((input) => ({ input })) };
  const intoFolder = await isFolder(output);
  const format = intoFolder ? undefined : formatOf(output);
  if (format && found.files.length > 1)
    throw new UsageError(`--output ${output} is one picture for ${found.files.length} photos; give a folder`);
  const planned = format
    ? found.files.map((input) => ({ input, format, path: output, samples: [], notes: [] }))
    : planOutputFiles(
        found.files.map((input) => ({ input, format: 'png' })),
        { folder: output, comparison: false },
      );
  await refuseToOverwriteInputs(planned);
  const files = planned.map(({ input, path, format }) => ({ input, annotated: { path, format } }));
  return { files, problems: found.problems };
}

interface FindOptions extends DetectOptions {
  readonly maxMegapixels?: number | undefined;
  readonly signal: AbortSignal;
}

export async function findFaces(
  { input, annotated }: AnnotatedFile,
  detector: FaceDetector,
  { minSize, minScore, maxMegapixels, signal }: FindOptions,
): Promise<PhotoFaces> {
  const nothing = { width: null, height: null, detector: null, faces: [], output: null, error: null };
  const report = { ...nothing, input: input.path };
  try {
    const image = await readImageFile(input.path, {
      incomplete: true,
      maxPixels: pixelsOf(maxMegapixels),
    });
    const pixels = layOnWhite(image);
    const faces = await detector.detect(pixels, { minSize, minScore, signal });
    if (annotated) {
      const picture = await encodeImage(annotateFaces(pixels, faces), annotated.format, image.look);
      await writeFileAtomically(annotated.path, picture);
    }
    return {
      ...report,
      width: pixels.width,
      height: pixels.height,
      detector: detector.name,
      faces: faces.map(({ score, box, landmarks }, index) => ({ index, score, box, landmarks })),
      output: annotated?.path ?? null,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ...report, error: adviseOn(error) };
  }
}
