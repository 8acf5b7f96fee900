/** From a decoder of libvips to colours and opacity. */

import type { Metadata, Sharp } from 'sharp';
import {
  type BytePixels,
  type ChannelCount,
  createPixels,
  type FloatPixels,
  toBytePixels,
} from '../../../image/pixels.ts';

export interface DecodedPixels {
  /** RGB, as they are, whatever the opacity */
  readonly pixels: BytePixels;
  /** one channel, 255 opaque; absent if the picture is opaque everywhere */
  readonly alpha?: BytePixels;
  /** As the two, with fractions, where samples have more than 8 bits. */
  readonly deepPixels?: FloatPixels;
  readonly deepAlpha?: FloatPixels;
}

interface DecodeOptions {
  readonly metadata: Pick<Metadata, 'depth' | 'space'>;
  /** Which of the channels beyond the colours is opacity; undefined: none. */
  readonly alphaSample: number | undefined;
  /** Floats are light, not numbers of an RGB profile. */
  readonly linear: boolean;
  /** Read samples of more than 8 bits as they are. */
  readonly deep: boolean;
}

/** One step of 8 bits in 16. */
export const deepStep = 257;

/** @param decoder upright */
export async function decodePixels(decoder: Sharp, options: DecodeOptions): Promise<DecodedPixels> {
  const { metadata, deep } = options;
  const { depth, space } = metadata;
  if (isFloat(metadata)) return fromFloats(decoder, options);
  if (
    depth === 'short' ||
    depth === 'int' ||
    depth === 'char' ||
    depth === 'complex' ||
    depth === 'dpcomplex'
  )
    throw new Error(`its samples are of the kind ${depth} (${space}), which is not supported`);
  // Conversion to 8 bits would cut samples of 32 bits.
  if (depth === 'uint' || (deep && depth === 'ushort')) return fromShorts(decoder, options);
  const { data, info } = await decoder
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  // Not a Buffer, whose `slice` shares memory.
  const samples = new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (info.channels === 3) return { pixels: createPixels(info.width, info.height, 3, samples) };
  const { pixels, alpha } = separate(samples, info, options, (count) => new Uint8Array(count));
  return { pixels, ...(alpha && { alpha }) };
}

/** Floats of the RGB and gray spaces; those of Lab are libvips's own way to hold it. */
export function isFloat({ depth, space }: DecodeOptions['metadata']): boolean {
  return (depth === 'float' || depth === 'double') && (space === 'scrgb' || space === 'b-w');
}

async function fromShorts(decoder: Sharp, options: DecodeOptions): Promise<DecodedPixels> {
  const { data, info } = await decoder
    .toColourspace('rgb16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  return fromDeep(samples, info, options, (value) => value / deepStep);
}

async function fromFloats(decoder: Sharp, options: DecodeOptions): Promise<DecodedPixels> {
  const { data, info } = await decoder
    .toColourspace(options.metadata.space === 'b-w' ? 'b-w' : 'scrgb')
    .raw({ depth: 'float' })
    .toBuffer({ resolveWithObject: true });
  const samples = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
  const unit = (value: number): number => Math.min(Math.max(value || 0, 0), 1);
  const color = options.linear ? (value: number) => 255 * encodeLight(unit(value)) : undefined;
  return fromDeep(samples, info, options, (value) => 255 * unit(value), color);
}

/**
 * The transfer curve of sRGB.
 * @see IEC 61966-2-1
 */
function encodeLight(light: number): number {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
}

interface RawInfo {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

function fromDeep(
  samples: Uint16Array | Float32Array,
  info: RawInfo,
  options: DecodeOptions,
  scale: (value: number) => number,
  scaleColor = scale,
): DecodedPixels {
  const allocate = (count: number): Float32Array => new Float32Array(count);
  const { pixels, alpha } = separate(samples, info, options, allocate, scaleColor, scale);
  return {
    pixels: toBytePixels(pixels),
    ...(alpha && { alpha: toBytePixels(alpha) }),
    ...(options.deep && { deepPixels: pixels, ...(alpha && { deepAlpha: alpha }) }),
  };
}

const same = (value: number): number => value;

/** Colours and opacity apart; gray ones become RGB. */
function separate<Data extends Uint8Array | Float32Array>(
  samples: ArrayLike<number>,
  { width, height, channels }: RawInfo,
  { alphaSample, metadata }: DecodeOptions,
  allocate: (count: number) => Data,
  scaleColor = same,
  scaleAlpha = same,
) {
  const gray = channels < 3 || (isFloat(metadata) && metadata.space === 'b-w');
  const colors = gray ? 1 : 3;
  const area = width * height;
  const rgb = allocate(area * 3);
  for (let i = 0; i < area; i++)
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = scaleColor(samples[channels * i + (gray ? 0 : c)]!);
  const pixels = createPixels(width, height, 3, rgb);
  const position = alphaSample === undefined ? channels : colors + alphaSample;
  if (position >= channels) return { pixels };
  const opacity = allocate(area);
  let opaque = true;
  for (let i = 0; i < area; i++) {
    opacity[i] = scaleAlpha(samples[channels * i + position]!);
    opaque &&= opacity[i] === 255;
  }
  return { pixels, ...(!opaque && { alpha: createPixels(width, height, 1 as ChannelCount, opacity) }) };
}
