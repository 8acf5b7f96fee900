/** A drawn face that detectors take for a face: tests need no photo of anybody. */
import sharp from 'sharp';
import type { BytePixels } from '../image/pixels.ts';

/** Side of the drawing below. */
const side = 400;
/** Where the face is in the drawing, in its pixels: eyes, nose, corners of the mouth. */
export const drawnLandmarks = [
  [164, 178],
  [236, 178],
  [198, 226],
  [165, 258],
  [235, 258],
] as const;

const portrait = `
<g filter="url(#soft)">
  <path d="M40 400 Q60 300 200 300 Q340 300 360 400Z" fill="#222233"/>
  <rect x="165" y="260" width="70" height="70" fill="#a8704c"/>
  <ellipse cx="200" cy="165" rx="98" ry="125" fill="#2a1a10"/>
  <ellipse cx="200" cy="190" rx="82" ry="108" fill="url(#skin)"/>
  <path d="M118 150 Q130 80 200 85 Q270 80 282 150 Q270 105 200 108 Q130 105 118 150Z" fill="#2a1a10"/>
  <path d="M140 158 Q160 146 184 156 L184 162 Q160 153 140 164Z" fill="#2a1a10"/>
  <path d="M216 156 Q240 146 260 158 L260 164 Q240 153 216 162Z" fill="#2a1a10"/>
  <ellipse cx="164" cy="178" rx="17" ry="9" fill="#fff"/>
  <ellipse cx="236" cy="178" rx="17" ry="9" fill="#fff"/>
  <circle cx="164" cy="178" r="8.5" fill="#3a2515"/>
  <circle cx="236" cy="178" r="8.5" fill="#3a2515"/>
  <path d="M145 174 Q164 164 183 176 M217 176 Q236 164 255 174" stroke="#3a2010" stroke-width="4" fill="none"/>
  <path d="M192 180 Q186 215 180 226 Q190 236 200 234 Q210 236 220 226 Q214 215 210 195" stroke="#8a5434"
    stroke-width="4" fill="#e0b090" fill-opacity="0.5"/>
  <ellipse cx="189" cy="229" rx="5" ry="3" fill="#5a3020"/>
  <ellipse cx="211" cy="229" rx="5" ry="3" fill="#5a3020"/>
  <path d="M165 258 Q185 248 200 253 Q215 248 235 258 Q200 282 165 258Z" fill="#a04038"/>
  <path d="M165 258 Q200 264 235 258" stroke="#601c1c" stroke-width="3" fill="none"/>
</g>`;

export interface FacePlace {
  /** of the drawing's upper left corner, in pixels of the photo */
  readonly x: number;
  readonly y: number;
  /** of the drawing's side */
  readonly size: number;
  /** degrees, clockwise around the drawing's centre */
  readonly turn?: number;
}

/** An SVG of `width` × `height` with a face at each place. */
export function drawFaces(width: number, height: number, places: readonly FacePlace[]): Buffer {
  const faces = places.map(
    ({ x, y, size, turn = 0 }) =>
      `<g transform="translate(${x} ${y}) scale(${size / side}) rotate(${turn} 200 200)">${portrait}</g>`,
  );
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs>
      <radialGradient id="skin" cx="0.45" cy="0.4" r="0.7">
        <stop offset="0" stop-color="#f0c8a8"/><stop offset="1" stop-color="#a8704c"/>
      </radialGradient>
      <filter id="soft"><feGaussianBlur stdDeviation="2"/></filter>
    </defs>
    <rect width="${width}" height="${height}" fill="#4a6a8a"/>${faces.join('')}</svg>`);
}

export async function renderPixels(svg: Buffer): Promise<BytePixels> {
  const { data, info } = await sharp(svg).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 3, data };
}
