/** What a request brings: photos, as its body or in a form, and options; bounded in bytes whatever it claims. */

import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import busboy from 'busboy';
import { HttpProblem } from './problem.ts';

export interface Upload {
  readonly photos: readonly Uint8Array[];
  readonly options: Readonly<Record<string, string>>;
}

interface UploadLimits {
  /** of one photo */
  readonly maxBytes: number;
  /** photos of one request */
  readonly maxPhotos: number;
}

const maxOptions = 40;
const maxOptionBytes = 4096;

/**
 * Photos in a form are fields with a file, whatever their names; other fields are options, as those of the query are.
 * @throws {HttpProblem} if there is no photo, or more than the limits
 */
export async function readUpload(request: Request, limits: UploadLimits): Promise<Upload> {
  const query: [string, string][] = [...new URL(request.url).searchParams];
  if (query.length > maxOptions) throw invalid(`more than ${maxOptions} options`);
  const declared = Number(request.headers.get('content-length') ?? 0);
  const most = limits.maxBytes * limits.maxPhotos + maxOptions * (maxOptionBytes + 1024);
  if (declared > most) throw tooLarge(limits.maxBytes);
  if (!request.body) throw noPhoto();
  const body = Readable.fromWeb(request.body as unknown as ReadableStream);
  const type = request.headers.get('content-type') ?? '';
  try {
    const upload = /^multipart\/form-data\b/i.test(type)
      ? await readForm(body, type, limits)
      : { photos: [await readAll(body, limits.maxBytes)], options: [] };
    if (upload.photos.length === 0 || upload.photos.some(({ length }) => length === 0)) throw noPhoto();
    return { photos: upload.photos, options: Object.fromEntries([...query, ...upload.options]) };
  } catch (error) {
    body.destroy();
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem('upload-incomplete', 400, 'the photo did not arrive whole; send it again');
  }
}

async function readAll(body: Readable, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readForm(
  body: Readable,
  type: string,
  { maxBytes, maxPhotos }: UploadLimits,
): Promise<{ photos: Uint8Array[]; options: [string, string][] }> {
  return new Promise((resolve, reject) => {
    const form = busboy({
      headers: { 'content-type': type },
      limits: {
        fileSize: maxBytes + 1,
        files: maxPhotos + 1,
        fields: maxOptions,
        fieldSize: maxOptionBytes,
        parts: maxOptions + maxPhotos + 1,
      },
    });
    const photos: Promise<Uint8Array>[] = [];
    const options: [string, string][] = [];
    form.on('file', (_, file) => {
      if (photos.length === maxPhotos) {
        file.resume();
        reject(invalid(`more than ${maxPhotos} ${maxPhotos === 1 ? 'photo' : 'photos'} in one request`));
        return;
      }
      const photo = readAll(file, maxBytes);
      photo.catch(reject);
      photos.push(photo);
    });
    form.on('field', (name, value, { valueTruncated }) => {
      if (valueTruncated) reject(invalid(`${JSON.stringify(name)} is longer than ${maxOptionBytes} bytes`));
      options.push([name, value]);
    });
    form.on('fieldsLimit', () => reject(invalid(`more than ${maxOptions} options`)));
    form.on('error', reject);
    form.on('close', () => Promise.all(photos).then((all) => resolve({ photos: all, options }), reject));
    body.on('error', reject);
    body.pipe(form);
  });
}

function invalid(detail: string): HttpProblem {
  return new HttpProblem('invalid-option', 400, detail);
}

function tooLarge(maxBytes: number): HttpProblem {
  const megabytes = Math.floor(maxBytes / 2 ** 20);
  return new HttpProblem('too-large', 413, `a photo may have ${megabytes} MiB`, { connection: 'close' });
}

function noPhoto(): HttpProblem {
  return new HttpProblem(
    'no-photo',
    400,
    'send the bytes of a picture as the body, or a form (multipart/form-data) with the file in it',
  );
}
