/** Faces on a contact sheet: what belongs together side by side. */
import { contactSheet } from '../../image/contact-sheet.ts';
import { type BytePixels, type Pixels, toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';

/** Larger sheets are hard to look at, and to keep in memory. */
export const largestSheetPixels = 100e6;

/**
 * Faces in rows, so many side by side that the sheet is about as wide as high.
 * @param faces the pictures of each, all as many; brought to the size of the very first of the last column
 * @throws {RangeError} if there is none
 */
export function layOutFaces(faces: readonly (readonly Pixels[])[]): BytePixels {
  const columnsPerGroup = faces[0]?.length ?? 0;
  const size = faces[0]?.at(-1);
  const across = Math.max(1, Math.round(Math.sqrt(faces.length / Math.max(columnsPerGroup, 1))));
  const rows: BytePixels[][] = [];
  for (let first = 0; first < faces.length; first += across)
    rows.push(
      faces
        .slice(first, first + across)
        .flat()
        .map((picture) => toBytePixels(atSize(picture, size!))),
    );
  return contactSheet(rows, { columnsPerGroup });
}

function atSize(picture: Pixels, { width, height }: Pixels): Pixels {
  if (picture.width === width && picture.height === height) return picture;
  return resizePixels(picture, { width, height }, picture.width < width ? 'bilinear' : 'area');
}
