/** Pictures in a browser: decoded and encoded by it, through a canvas. */
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { cutWindow, type PixelWindow, toSquareFace } from '../../image/square-face.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';

/** A face as a model takes it. */
export interface FaceImage {
  /** [1, 3, size, size] in [-1, 1] */
  readonly tensor: HostTensor;
  /** where in the square the picture is; the rest repeats its edge */
  readonly window: PixelWindow;
}

/**
 * Decodes a picture of an aligned face, upright as its EXIF orientation says, in sRGB, on white where transparent.
 * @param size side of the model's square in pixels
 * @throws {TypeError} if the browser cannot decode it
 * @throws {RangeError} if one side is more than twice the other
 */
export async function decodeFace(picture: Blob, size: number): Promise<FaceImage> {
  const bitmap = await createImageBitmap(picture, {
    imageOrientation: 'from-image',
    premultiplyAlpha: 'premultiply',
  }).catch((cause: unknown) => {
    throw new TypeError(
      'Cannot read the picture: this browser does not know its format, or it is damaged. Choose a PNG, JPEG or WebP',
      { cause },
    );
  });
  try {
    const { width, height } = bitmap;
    const context = canvasContext(width, height);
    context.fillStyle = 'white';
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data;
    const data = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) data[3 * i + c] = rgba[4 * i + c]!;
    const { square, window } = toSquareFace({ width, height, channels: 3, data }, size);
    return { tensor: pixelsToTensor(square), window };
  } finally {
    bitmap.close();
  }
}

/**
 * Encodes a picture as PNG.
 * @param tensor [1, 3, H, W]; values outside [-1, 1] are clamped
 * @param window the part to keep; all of it unless given
 */
export async function encodePng(tensor: HostTensor, window?: PixelWindow): Promise<Blob> {
  const whole = tensorToPixels(tensor);
  const { width, height, data } = window ? cutWindow(whole, window) : whole;
  const context = canvasContext(width, height);
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = data[3 * i + c]!;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return context.canvas.convertToBlob({ type: 'image/png' });
}

function canvasContext(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error(`Cannot draw ${width} x ${height} pixels: the browser gave no canvas`);
  return context;
}
