/** The page's calls, done by the service: what comes back is shown and saved as what is restored here. */

import type { DetectedFace } from '../../face/face-detector.ts';
import { type BytePixels, createPixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import type { Calls, Device, FaceResult, PhotoSource } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { decodePng } from './decode-png.ts';
import { type OpenPhoto, openPhoto } from './open-photo.ts';
import { patchesBetween } from './patches.ts';
import { pictureEncoders } from './picture-encoders.ts';
import { cutPixels } from './regions.ts';
import { findByService, restoreByService, type ServiceFace } from './service-client.ts';
import { shownImage, toImageData } from './shown-image.ts';

type Key = { readonly key?: string };

/** The faces of the photos that were looked at, as the service numbers them. */
const found = new Map<string, readonly ServiceFace[] | null>();
const device: Device = { name: 'service', threads: 0, isolated: true };

export async function findFacesThere(
  photo: PhotoSource,
  { key }: Key,
  tools: CallTools,
): Promise<Calls['find']['answer']> {
  const { picture, notes } = await openPhoto(photo, tools);
  const faces = await facesOf(photo, { key }, tools);
  const { width, height } = picture.pixels;
  return { width, height, notes, aligned: faces === null, faces: (faces ?? []).map(asDetected) };
}

async function facesOf(
  photo: PhotoSource,
  { key }: Key,
  tools: CallTools,
): Promise<readonly ServiceFace[] | null> {
  const name = `${photo.id} ${photo.turns}`;
  const known = found.get(name);
  if (known !== undefined) return known;
  const faces = await findByService({ photo: await fileOf(photo, tools), key }, tools);
  found.set(name, faces);
  return faces;
}

const asDetected = ({ box, score, landmarks }: ServiceFace): DetectedFace =>
  ({ box, score, landmarks }) as DetectedFace;

/** The file itself, unless the photo was turned. */
async function fileOf(photo: PhotoSource, tools: CallTools): Promise<Blob> {
  if (photo.turns === 0) return photo.file;
  const { pixels, alpha } = (await openPhoto(photo, tools)).picture;
  const encode = await pictureEncoders.png();
  return new Blob([(await encode(toImageData(pixels, alpha))) as Uint8Array<ArrayBuffer>]);
}

/** Faces that were found go by their numbers, those drawn by hand by their boxes. */
export async function restoreFacesThere(
  { photo, faces, force, seed, fidelity }: Calls['restore']['asked'],
  { key }: Key,
  tools: CallTools,
): Promise<Calls['restore']['answer']> {
  const numbered = (await facesOf(photo, { key }, tools)) ?? [];
  const places = faces.map(({ box }) => numbered.find((one) => sameBox(one.box, box))?.index);
  const drawn = faces.filter((_, i) => places[i] === undefined);
  const { faces: reports, picture } = await restoreByService(
    {
      photo: await fileOf(photo, tools),
      key,
      options: {
        faces: listOf(places.filter((place) => place !== undefined)),
        box: listOf(
          drawn.map(({ box: { x, y, width, height } }) => [x, y, width, height].map(rounded).join(',')),
          ';',
        ),
        force,
        seed,
        fidelity,
        format: 'png',
        metadata: 'strip',
      },
    },
    tools,
  );
  const opened = await openPhoto(photo, tools);
  const result = (await decodePng(picture)).pixels;
  // The service tells of numbered faces first, then of boxes, in the order they were asked for.
  const order = faces.map((_, i) => i);
  order.sort((a, b) => Number(places[a] === undefined) - Number(places[b] === undefined) || a - b);
  const results = await showFaces(
    opened,
    result,
    order.map((i, place) => ({ face: faces[i]!, report: reports?.[place] })),
  );
  for (const [place, index] of order.entries())
    tools.onEvent({ kind: 'face', index, result: results[place]! });
  return { device };
}

const sameBox = (a: ServiceFace['box'], b: ServiceFace['box']): boolean =>
  a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
const rounded = (value: number): number => Math.round(10 * value) / 10;
const listOf = (values: readonly (string | number)[], separator = ','): string | undefined =>
  values.length === 0 ? undefined : values.join(separator);

interface ReportedFace {
  readonly face: DetectedFace;
  readonly report: ServiceFace | undefined;
}

async function showFaces(
  { picture, facts }: OpenPhoto,
  result: BytePixels,
  faces: readonly ReportedFace[],
): Promise<FaceResult[]> {
  const colors = { profile: facts.profile };
  const boxes = faces.map(({ face }) => face.box);
  const patches = patchesBetween(picture.pixels, result, boxes);
  return Promise.all(
    faces.map(async ({ face: { box }, report }, i) => {
      const around = cropAround(picture.pixels, box);
      const before = await shownImage(cutPixels(picture.pixels, around), {
        ...colors,
        mostPixels: cropPixels,
      });
      const patch = patches[i];
      if (report?.status !== 'restored' || !patch) return { before };
      const { region, pixels, alpha } = patch;
      return {
        before,
        after: await shownImage(cutPixels(result, around), { ...colors, mostPixels: cropPixels }),
        patch: { ...region, image: await shownImage(pixels, { ...colors, alpha }) },
        ...(typeof report.identityDistance === 'number' && { identityDistance: report.identityDistance }),
      };
    }),
  );
}

const cropPixels = 512 * 512;

/** A square with all of the head, as far as the photo goes. */
function cropAround(photo: BytePixels, { x, y, width, height }: ServiceFace['box']): ServiceFace['box'] {
  const side = Math.min(1.7 * Math.max(width, height), photo.width, photo.height);
  const along = (middle: number, length: number): number =>
    Math.round(Math.min(Math.max(middle - side / 2, 0), length - side));
  const whole = Math.max(1, Math.floor(side));
  return {
    x: along(x + width / 2, photo.width),
    y: along(y + height / 2, photo.height),
    width: whole,
    height: whole,
  };
}

export async function restoreAlignedThere(
  { photo, force, seed, fidelity }: Calls['restoreAligned']['asked'],
  { key }: Key,
  tools: CallTools,
): Promise<Calls['restoreAligned']['answer']> {
  const options = { aligned: true, force, seed, fidelity, format: 'png', metadata: 'strip' };
  const request = { photo: await fileOf(photo, tools), key, options };
  const { picture: after } = await restoreByService(request, tools);
  const { picture, facts } = await openPhoto(photo, tools);
  const { profile } = facts;
  const { pixels } = await decodePng(after);
  const { width, height } = pixels;
  const before = resizePixels(picture.pixels, { width, height }, 'area');
  return {
    device,
    picture: { kind: 'whole', seed, ...(fidelity !== undefined && { fidelity }), after },
    before: await shownImage(before, { profile }),
    after: await shownImage(pixels, { profile }),
  };
}

/** The result of one aligned face as pixels: another strength is the service's to lay. */
export async function wholeThere(
  photo: PhotoSource,
  { seed, fidelity, after }: Extract<Calls['save']['asked']['restored'], { kind: 'whole' }>,
  strength: number,
  { key }: Key,
  tools: CallTools,
): Promise<{ readonly pixels: BytePixels; readonly alpha?: BytePixels }> {
  if (strength === 1) return decodePng(after);
  const options = { aligned: true, force: true, seed, fidelity, strength, format: 'png', metadata: 'strip' };
  const request = { photo: await fileOf(photo, tools), key, options };
  return decodePng((await restoreByService(request, tools)).picture);
}

/** Of the same size, with patches laid over it at a strength. */
export async function layPatches(
  photo: BytePixels,
  { patches }: Extract<Calls['save']['asked']['restored'], { kind: 'patches' }>,
  strength: number,
): Promise<BytePixels> {
  const data = new Uint8Array(photo.data);
  for (const { x, y, width, height, image } of patches) {
    const { pixels, alpha } = await decodePng(image);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const from = row * width + column;
        if (alpha && alpha.data[from] === 0) continue;
        const to = 3 * ((y + row) * photo.width + x + column);
        for (let c = 0; c < 3; c++) {
          const old = photo.data[to + c]!;
          data[to + c] = Math.round(old + strength * (pixels.data[3 * from + c]! - old));
        }
      }
  }
  return createPixels(photo.width, photo.height, 3, data);
}
