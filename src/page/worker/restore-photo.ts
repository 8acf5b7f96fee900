/** Runs the networks over the faces of one photo. */

import { applyAffine, invertAffine } from '../../image/geometry.ts';
import { createPixels, type Pixels } from '../../image/pixels.ts';
import { cutWindow } from '../../image/square-face.ts';
import { composeAffine } from '../../image/warp-antialiased.ts';
import { layFaces } from '../../restore/photo/lay-faces.ts';
import { identityDistanceOf, type PhotoFace } from '../../restore/photo/restore-photo-faces.ts';
import { layPicture } from '../../restore/photo/restore-picture.ts';
import { restoreSubject } from '../../restore/photo/restore-subject.ts';
import type { Calls, FaceResult, Patch, Restored } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { type Networks, networksFor } from './networks.ts';
import { openPhoto } from './open-photo.ts';
import { cutPixels } from './regions.ts';
import { type ShownColors, shownImage } from './shown-image.ts';

export async function restoreFacesOf(
  { photo, faces, force, seed, fidelity }: Calls['restore']['asked'],
  networks: Networks,
  tools: CallTools,
): Promise<Calls['restore']['answer']> {
  const { signal, onEvent } = tools;
  const { picture, facts } = await openPhoto(photo, tools);
  const { profile } = facts;
  // One by one, so that each is shown as soon as it is done.
  for (const [index, face] of faces.entries()) {
    signal.throwIfAborted();
    const subject = { kind: 'photo', faces: [{ ...face, index }] } as const;
    const restored = await restoreSubject(picture, subject, networks, {
      seed,
      force,
      fidelity,
      signal,
      onProgress: ({ fraction }) =>
        onEvent({ kind: 'progress', fraction: (index + fraction) / faces.length }),
    });
    const [done] = restored.kind === 'photo' ? restored.faces : [];
    onEvent({ kind: 'face', index, result: await showFace(picture.pixels, done!, { profile }) });
  }
  return restoredBy(networks);
}

async function restoredBy(networks: Networks): Promise<Restored> {
  const { fidelity } = await networks.restorer();
  return { device: await networks.device(), fidelity };
}

async function showFace(photo: Pixels, face: PhotoFace, colors: ShownColors): Promise<FaceResult> {
  const before = await shownImage(face.crop, colors);
  if (!face.restored) return { face, before };
  const after = await shownImage(face.restored.result, colors);
  const { identityDistance } = face;
  return { face, identityDistance, before, after, patch: await patchOf(photo, face, colors) };
}

/** No screen shows more of a patch, unless it is looked at very closely. */
const mostPatchPixels = 4_000_000;

async function patchOf(photo: Pixels, face: PhotoFace, colors: ShownColors): Promise<Patch> {
  const region = regionOf(photo, face);
  const part = cutPixels(photo, region);
  const [a, b, c, d, e, f] = composeAffine(face.affine, [1, 0, region.x, 0, 1, region.y]);
  const laid = await layFaces(part, [{ ...face, affine: [a, b, c, d, e, f] }]);
  const changed = new Uint8Array(region.width * region.height);
  for (let i = 0; i < changed.length; i++)
    for (let channel = 0; channel < 3; channel++)
      if (laid.data[3 * i + channel] !== part.data[3 * i + channel]) changed[i] = 255;
  const alpha = createPixels(region.width, region.height, 1, changed);
  return { ...region, image: await shownImage(laid, { ...colors, alpha, mostPixels: mostPatchPixels }) };
}

interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** All of the photo that the crop of a face reaches. */
function regionOf(photo: Pixels, { affine, crop }: PhotoFace): Region {
  const toPhoto = invertAffine(affine);
  const corners = [
    [0, 0],
    [crop.width, 0],
    [0, crop.height],
    [crop.width, crop.height],
  ].map(([x, y]) => applyAffine(toPhoto, [x!, y!]));
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const margin = 4;
  const x = Math.max(0, Math.floor(Math.min(...xs)) - margin);
  const y = Math.max(0, Math.floor(Math.min(...ys)) - margin);
  const right = Math.min(photo.width, Math.ceil(Math.max(...xs)) + margin);
  const bottom = Math.min(photo.height, Math.ceil(Math.max(...ys)) + margin);
  return { x, y, width: Math.max(1, right - x), height: Math.max(1, bottom - y) };
}

export async function restoreAligned(
  { photo, force, seed, fidelity }: Calls['restoreAligned']['asked'],
  networks: Networks,
  tools: CallTools,
): Promise<Calls['restoreAligned']['answer']> {
  const { signal, onEvent } = tools;
  const { picture, facts } = await openPhoto(photo, tools);
  const { profile } = facts;
  const restored = await restoreSubject(picture, { kind: 'aligned', recognised: true }, networks, {
    seed,
    force,
    fidelity,
    signal,
    onProgress: ({ fraction }) => onEvent({ kind: 'progress', fraction }),
  });
  if (restored.kind !== 'aligned') throw new TypeError('one aligned face came back as several');
  const { face } = restored;
  return {
    ...(await restoredBy(networks)),
    picture: restored,
    before: await shownImage(cutWindow(face.crop, face.window), { profile }),
    ...(face.output && { after: await shownImage(layPicture(face), { profile }) }),
  };
}

export async function measureIdentity(
  { faces, strength }: Calls['identity']['asked'],
  tools: CallTools,
): Promise<number[]> {
  const distances: number[] = [];
  for (const { crop, restored } of faces) {
    if (!restored) continue;
    const describer = await networksFor({ kind: 'embedded' }, tools).describer(crop.width);
    distances.push(await identityDistanceOf(crop, restored.result, describer, strength));
  }
  return distances;
}
