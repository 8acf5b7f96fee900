/** Verification of what is done to images outside the networks, against OpenCV and the published code. */

import { addNoise, blurAndShrink, enlarge, type JpegRoundTrip } from '../image/degradation.ts';
import { gaussianKernel } from '../image/gaussian-kernel.ts';
import {
  type AffineMatrix,
  estimateSimilarityLmeds,
  FACE_TEMPLATE_512,
  invertAffine,
} from '../image/geometry.ts';
import { parsingMask, pasteFaces } from '../image/paste-back.ts';
import {
  type BytePixels,
  createPixels,
  type FloatPixels,
  type Pixels,
  toBytePixels,
  toBytes,
} from '../image/pixels.ts';
import { resizePixels } from '../image/resize.ts';
import { warpAffine } from '../image/warp-affine.ts';
import { featureStatistics } from '../metrics/feature-statistics.ts';
import { frechetDistance } from '../metrics/frechet.ts';
import { psnr } from '../metrics/psnr.ts';
import { ssim } from '../metrics/ssim.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { type ImageOpsReference, imageOpsSchema, parseLabelMap } from './image-ops-reference.ts';
import { type VerifyRow, verifyRow } from './report.ts';

/** What the published code fills a crop with beyond the photo, RGB. */
const CROP_BORDER = [132, 133, 135];

// Errors of images are in levels of 0..255.
const MATRIX_LIMIT = 1e-3;
const KERNEL_LIMIT = 1e-6;
/** A thousandth of the range. */
const FILTER_LIMIT = 0.255;
/** 8-bit results may round the other way where float32 sums differ in order. */
const ROUNDING_LIMIT = 1;
const MEAN_LIMIT = 0.5;
const LARGEST_LIMIT = 16;
const JPEG_LIMIT_DB = 40;
/** The published metrics take luma in float32. */
const PSNR_LIMIT_DB = 1e-4;
const SSIM_LIMIT = 1e-6;
const FID_LIMIT = 1e-6;

/** One tensor of the reference; 8-bit tensors come as float32 of 0..255. */
type ReadReference = (name: string) => Promise<HostTensor>;

/** JPEG of this platform. */
interface JpegCodecs {
  encodeJpeg(pixels: Pixels, quality: number): Promise<Uint8Array>;
  decodeJpeg(bytes: Uint8Array): Promise<Pixels>;
}

/**
 * Recomputes every value of an image-ops reference directory.
 * @param reference its parsed JSON
 * @param read its tensors
 * @throws {z.ZodError} if the JSON has another form
 */
export async function* verifyImageOps(
  reference: unknown,
  read: ReadReference,
  codecs: JpegCodecs,
): AsyncGenerator<VerifyRow> {
  const parsed = imageOpsSchema.parse(reference);
  yield* verifyAlignment(parsed);
  yield* verifyFaces(parsed, read);
  const roundTrip: JpegRoundTrip = async (pixels, quality) =>
    codecs.decodeJpeg(await codecs.encodeJpeg(pixels, quality));
  yield* verifyDegradations(parsed, read, roundTrip);
  yield* verifyMetrics(parsed, read);
}

function* verifyAlignment(reference: ImageOpsReference): Generator<VerifyRow> {
  const template = largestError(FACE_TEMPLATE_512.flat(), reference.template_512.flat());
  yield verifyRow('template', template, 0, 'absolute error');
  const matrices = affineMatrices(reference);
  for (const [i, matrix] of matrices.entries())
    yield verifyRow(`affine${i}`, largestError(matrix, reference.affine[i]), MATRIX_LIMIT, 'absolute error');
  for (const [scale, inverses] of Object.entries(reference.inverse_affine))
    for (const [i, expected] of inverses.entries()) {
      const inverse = invertAffine(matrices[i]!).map((value) => value * Number(scale));
      yield verifyRow(
        `inverse affine${i} x${scale}`,
        largestError(inverse, expected),
        MATRIX_LIMIT,
        'absolute error',
      );
    }
}

function affineMatrices({ landmarks, template_512 }: ImageOpsReference): AffineMatrix[] {
  return landmarks.map((points) => estimateSimilarityLmeds(points, template_512));
}

async function* verifyFaces(reference: ImageOpsReference, read: ReadReference): AsyncGenerator<VerifyRow> {
  const photo = await readBytes(read, 'photo');
  const matrices = affineMatrices(reference);
  const faceCount = Math.max(
    0,
    ...Object.values(reference.inverse_affine).map((inverses) => inverses.length),
  );
  const faces = [];
  for (let i = 0; i < faceCount; i++) {
    const expected = await readBytes(read, `crop${i}`);
    const { width, height } = expected;
    const affine = matrices[i]!;
    yield* compareImages(
      `crop${i}`,
      warpAffine(photo, affine, { x: 0, y: 0, width, height }, CROP_BORDER),
      expected,
    );
    // Its negative stands for the restored face.
    const pixels = { ...expected, data: expected.data.map((value) => 255 - value) };
    const mask = parsingMask(parseLabelMap(reference.parse_labels, width, height), width, height);
    faces.push({ pixels, affine, mask });
  }
  for (const scale of Object.keys(reference.inverse_affine).map(Number)) {
    const size = { width: photo.width * scale, height: photo.height * scale };
    const pasted = pasteFaces(resizePixels(photo, size, 'bilinear'), faces, scale);
    yield* compareImages(`pasted x${scale}`, pasted, await readBytes(read, `pasted_x${scale}`));
  }
}

async function* verifyDegradations(
  { degradations }: ImageOpsReference,
  read: ReadReference,
  roundTripJpeg: JpegRoundTrip,
): AsyncGenerator<VerifyRow> {
  const input = await readBytes(read, 'degrade_input');
  for (const [i, draws] of degradations.entries()) {
    const { kernel_size: kernelSize, sigma_x: sigmaX, sigma_y: sigmaY, theta, downsample } = draws;
    const name = (part: string) => `degrade${i}.${part}`;
    const kernel = gaussianKernel(kernelSize, sigmaX, sigmaY, theta).weights;
    const expectedKernel = await read(name('kernel'));
    yield verifyRow(
      name('kernel'),
      largestError(kernel, expectedKernel.data),
      KERNEL_LIMIT,
      'absolute error',
    );

    const small = blurAndShrink(input, { kernelSize, sigmaX, sigmaY, theta, downsample });
    const expectedSmall = await readFloats(read, name('downsampled'));
    yield verifyRow(name('downsampled'), imageError(small, expectedSmall), FILTER_LIMIT, 'absolute error');

    // Each step starts from the reference's own result of the one before. The noise is scaled already.
    const noise = (await read(name('noise'))).data;
    const compress = (image: FloatPixels) =>
      roundTripJpeg(toBytePixels(addNoise(image, noise, 1)), draws.jpeg_quality);
    const expectedJpeg = await readBytes(read, name('jpeg'));
    yield verifyRow(
      name('jpeg'),
      psnr(await compress(expectedSmall), expectedJpeg),
      JPEG_LIMIT_DB,
      'PSNR dB',
    );

    const expectedOutput = await readBytes(read, name('output'));
    const output = imageError(enlarge(expectedJpeg, input), expectedOutput);
    yield verifyRow(name('output'), output, ROUNDING_LIMIT, 'absolute error');

    const whole = enlarge(await compress(small), input);
    yield verifyRow(name('all steps'), psnr(whole, expectedOutput), JPEG_LIMIT_DB, 'PSNR dB');
  }
}

async function* verifyMetrics(
  { metrics, fid }: ImageOpsReference,
  read: ReadReference,
): AsyncGenerator<VerifyRow> {
  const input = await readBytes(read, 'degrade_input');
  for (const [i, values] of metrics.entries()) {
    const output = await readBytes(read, `degrade${i}.output`);
    for (const [key, expected] of Object.entries(values)) {
      const [metric, crop, luma] = key.split('_') as [string, string, string];
      const options = { cropBorder: Number(crop.slice('crop'.length)), luma: luma === 'y1' };
      const measured = (metric === 'psnr' ? psnr : ssim)(input, output, options);
      const limit = metric === 'psnr' ? PSNR_LIMIT_DB : SSIM_LIMIT;
      yield verifyRow(`metrics${i}.${key}`, Math.abs(measured - expected), limit, 'absolute error');
    }
  }
  const [first, second] = [await read('fid.features1'), await read('fid.features2')];
  const distance = frechetDistance(featureStatistics(first), featureStatistics(second));
  yield verifyRow('fid', Math.abs(distance - fid) / fid, FID_LIMIT, 'relative error');
}

function* compareImages(name: string, actual: ImageLike, expected: ImageLike): Generator<VerifyRow> {
  const largest = imageError(actual, expected);
  let total = 0;
  for (let i = 0; i < expected.data.length; i++) total += Math.abs(actual.data[i]! - expected.data[i]!);
  yield verifyRow(`${name}, mean`, total / expected.data.length, MEAN_LIMIT, 'absolute error');
  yield verifyRow(`${name}, largest`, largest, LARGEST_LIMIT, 'absolute error');
}

interface ImageLike {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/** Largest difference of two images; NaN if their sizes differ. */
function imageError(actual: ImageLike, expected: ImageLike): number {
  const alike = actual.width === expected.width && actual.height === expected.height;
  return alike ? largestError(actual.data, expected.data) : Number.NaN;
}

/** Largest difference; NaN if a value is, or the numbers of values differ. */
function largestError(actual: ArrayLike<number>, expected: ArrayLike<number> | undefined): number {
  if (actual.length !== expected?.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= largest)) largest = error;
  }
  return largest;
}

async function readFloats(read: ReadReference, name: string): Promise<FloatPixels> {
  const { shape, data } = await read(name);
  const [height = 0, width = 0] = shape;
  return createPixels(width, height, 3, data);
}

async function readBytes(read: ReadReference, name: string): Promise<BytePixels> {
  const floats = await readFloats(read, name);
  return { ...floats, data: toBytes(floats.data) };
}
