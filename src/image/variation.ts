/**
 * Pictures as other cameras and other times would have taken them, to train on: gray, lighter or darker, tinted,
 * resized and compressed once more, with frames and captions. Everything random is drawn first and kept as plain data.
 */
import type { RandomStream } from '../random/random-stream.ts';
import { toGray } from './gray.ts';
import { type BytePixels, toBytePixels } from './pixels.ts';
import { turnPixels } from './quarter-turn.ts';
import { resizePixels } from './resize.ts';

/** Zeros leave pictures as they are. */
export interface VariationRanges {
  /** Share of pictures that are made gray, 0..1. */
  readonly gray: number;
  /** Largest power of two, either way, of the exponent that lightens or darkens a picture. */
  readonly exposure: number;
  /** As `exposure`, of each colour by itself. */
  readonly tint: number;
  /** Share of degraded pictures that are compressed as JPEG again, at their full size. */
  readonly recompression: number;
  /** Share of degraded pictures that are shrunk and enlarged again, as faces cut out of resized photos are. */
  readonly resampling: number;
  /** Share of pictures whose margins something sharp lies over, before and after, as frames and captions do. */
  readonly overlay: number;
}

export interface VariationDraws {
  readonly gray: boolean;
  /** Exponents of red, green and blue in 0..1. */
  readonly gammas: readonly [number, number, number];
  /** JPEG quality; null: not compressed again. */
  readonly recompressionQuality: number | null;
  /** Side that a picture is shrunk to, as a share of its own; null: not resized. */
  readonly resampledShare: number | null;
  /** What lies over the margins; null: nothing. */
  readonly overlay: OverlayDraws | null;
}

interface OverlayDraws {
  /** How deep its bands at left, top, right and bottom are, as shares of the picture's sides; 0: none there. */
  readonly depths: readonly [number, number, number, number];
  /** Gray that fills them, 0..255; null: the good picture does, upside down. */
  readonly shade: number | null;
}

/** Qualities that programs save by and networks of people send by. */
const lowestQuality = 50;
const highestQuality = 95;
/** A face of 100 pixels in a photo is a crop of about 200, of which 512 are made. */
const leastShare = 0.35;
/** Eyes, nose and mouth of an aligned face lie further inside. */
const deepest = 0.2;
const shallowest = 0.04;
/** Of the other three sides of an overlay each. */
const furtherSide = 0.25;

/** Always takes the same number of words from the stream. */
export function drawVariation(stream: RandomStream, ranges: VariationRanges): VariationDraws {
  const either = (range: number): number => stream.uniformBetween(-range, range);
  const gray = stream.uniform() < ranges.gray;
  const exposure = either(ranges.exposure);
  const gammas = [0, 1, 2].map(() => 2 ** (exposure + either(ranges.tint)));
  const compressed = stream.uniform() < ranges.recompression;
  const quality = Math.floor(stream.uniformBetween(lowestQuality, highestQuality + 1));
  const resampled = stream.uniform() < ranges.resampling;
  const share = stream.uniformBetween(leastShare, 1);
  return {
    gray,
    gammas: gammas as [number, number, number],
    recompressionQuality: compressed ? quality : null,
    resampledShare: resampled ? share : null,
    overlay: drawOverlay(stream, ranges.overlay),
  };
}

function drawOverlay(stream: RandomStream, share: number): OverlayDraws | null {
  const overlaid = stream.uniform() < share;
  const side = Math.floor(4 * stream.uniform());
  const depths = [0, 1, 2, 3].map((other) => {
    const further = stream.uniform() < furtherSide;
    const depth = stream.uniformBetween(shallowest, deepest);
    return other === side || further ? depth : 0;
  });
  const filled = stream.uniform() < 0.5;
  const shade = Math.floor(256 * stream.uniform());
  if (!overlaid) return null;
  return { depths: depths as [number, number, number, number], shade: filled ? shade : null };
}

/** @param pixels RGB */
export function varyPicture(pixels: BytePixels, { gray, gammas }: VariationDraws): BytePixels {
  const curves = gammas.map((gamma) =>
    Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * (value / 255) ** gamma)),
  );
  const data = pixels.data.map((value, i) => curves[i % 3]![value]!);
  const varied = { ...pixels, data };
  return gray ? toBytePixels(toGray(varied)) : varied;
}

/** Shrinks a picture by area and enlarges it again, bicubically. @param share of its sides, 0..1; a pixel stays at least */
export function resamplePicture(pixels: BytePixels, share: number): BytePixels {
  const { width, height } = pixels;
  const shrink = (side: number): number => Math.max(1, Math.round(side * share));
  const small = resizePixels(pixels, { width: shrink(width), height: shrink(height) }, 'area');
  return toBytePixels(resizePixels(small, { width, height }, 'bicubic'));
}

/**
 * A copy of a picture whose margins are covered.
 * @param good picture of the same shape, whose half turn fills the bands where no shade does
 */
export function layOverMargins(
  pixels: BytePixels,
  good: BytePixels,
  { depths, shade }: OverlayDraws,
): BytePixels {
  const { width, height, channels } = pixels;
  const sides = [width, height, width, height];
  const [left, top, right, bottom] = depths.map((depth, i) => Math.round(depth * sides[i]!));
  const data =
    shade === null ? toBytePixels(turnPixels(good, 2)).data : new Uint8Array(good.data.length).fill(shade);
  for (let y = top!; y < height - bottom!; y++) {
    const row = y * width;
    const [start, end] = [row + left!, row + width - right!].map((pixel) => pixel * channels);
    data.set(pixels.data.subarray(start, end), start);
  }
  return { ...pixels, data };
}
