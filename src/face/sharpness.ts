/** Whether a face needs restoring. */

import { gaussianBlur } from '../image/gaussian-blur.ts';
import { regionAround } from '../image/mask-area.ts';
import { createPixels, type FloatPixels, type Pixels } from '../image/pixels.ts';
import type { Region } from '../image/warp-affine.ts';

/** Parts of an aligned crop of 512 pixels: eyes have detail at every scale, cheeks hardly any, so that it is noise. */
const eyes = [
  { x: 150, y: 215, width: 85, height: 50 },
  { x: 277, y: 215, width: 85, height: 50 },
];
const cheeks = [
  { x: 150, y: 290, width: 55, height: 50 },
  { x: 307, y: 290, width: 55, height: 50 },
];

/**
 * Faces above this are as sharp as the model's output. Of 64 portraits 9 in 10 are above it at 512 and at 256 pixels;
 * half as large and enlarged again 1 in 50, degraded as for training 1 in 300.
 */
export const sharpFrom = 0.65;

/**
 * The finest around the eyes must be so many times the cheeks' for a face to count as sharp: below it is noise, of which
 * chance leaves the eyes a little more. Of 137 sharp portraits none is below; of 300 degraded as for training, of which
 * 3 would else pass for sharp, 2 of those are.
 */
const clearOfNoise = 1.5;
/** What noise can pass for at most: as much as a blurred face without noise has. */
const mostOfNoise = 0.3;

/**
 * How much of the detail around the eyes is the finest (1 pixel against 2 to 4), less what the cheeks have: about 1
 * for a sharp portrait, below 0.5 for one that was enlarged twice or blurred.
 * @param crop aligned, of any size
 */
export function faceSharpness(crop: Pixels): number {
  const parts = (regions: readonly Region[]) =>
    regions.map((region) => partOf(crop, scaleRegion(region, crop.width / 512)));
  const [eyeParts, cheekParts] = [parts(eyes), parts(cheeks)];
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value) / values.length;
  const finest = mean(eyeParts.map(fineEnergy));
  const noise = Math.min(...cheekParts.map(fineEnergy));
  const coarser = mean(eyeParts.map(coarserEnergy));
  const sharpness = coarser > 0 ? Math.sqrt(Math.max(finest - noise, 0) / coarser) : 0;
  return finest > clearOfNoise * noise ? sharpness : Math.min(sharpness, mostOfNoise);
}

/** How far the widest blur reaches: what lies further away is not looked at. */
const reach = 12;

/** A part of a crop with what blurs of it reach. */
interface Part {
  readonly light: FloatPixels;
  /** what counts of it */
  readonly inside: Region;
}

const fineEnergy = ({ light, inside }: Part): number => meanSquare(light, gaussianBlur(light, 7, 1), inside);
const coarserEnergy = ({ light, inside }: Part): number =>
  meanSquare(gaussianBlur(light, 13, 2), gaussianBlur(light, 2 * reach + 1, 4), inside);

function partOf(crop: Pixels, region: Region): Part {
  const around = regionAround(region, reach, { x: 0, y: 0, width: crop.width, height: crop.height });
  const inside = { ...region, x: region.x - around.x, y: region.y - around.y };
  return { light: lightOf(crop, around), inside };
}

/** The luma of a part of an image. */
function lightOf({ width: row, channels, data }: Pixels, { x, y, width, height }: Region): FloatPixels {
  const light = new Float32Array(width * height);
  for (let i = 0; i < light.length; i++) {
    const at = ((y + Math.floor(i / width)) * row + x + (i % width)) * channels;
    light[i] = channels === 1 ? data[at]! : 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
  }
  return createPixels(width, height, 1, light);
}

function scaleRegion({ x, y, width, height }: Region, scale: number): Region {
  const [left, top] = [Math.floor(x * scale), Math.floor(y * scale)];
  return { x: left, y: top, width: Math.ceil(width * scale), height: Math.ceil(height * scale) };
}

function meanSquare(a: FloatPixels, b: FloatPixels, region: Region): number {
  let sum = 0;
  for (let y = region.y; y < region.y + region.height; y++)
    for (let x = region.x; x < region.x + region.width; x++)
      sum += (a.data[y * a.width + x]! - b.data[y * a.width + x]!) ** 2;
  return sum / (region.width * region.height);
}
