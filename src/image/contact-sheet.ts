/** Many small pictures as one. */

import { type BytePixels, type ChannelCount, createPixels } from './pixels.ts';

export interface ContactSheetOptions {
  /** Pixels between neighbours, and around all; default 4. */
  readonly gap?: number;
  /** This many columns belong together; twice the gap separates them from the next. Default: all. */
  readonly columnsPerGroup?: number;
  /** Level of the gaps and of places without a picture, 0..255; default 255, white. */
  readonly background?: number;
}

/**
 * Lays pictures out in rows and columns.
 * @param rows from the top; they may differ in length. All pictures have the size and channels of the first
 * @throws {RangeError} if there is no picture, or two differ in form
 */
export function contactSheet(
  rows: readonly (readonly BytePixels[])[],
  { gap = 4, columnsPerGroup = Number.POSITIVE_INFINITY, background = 255 }: ContactSheetOptions = {},
): BytePixels {
  const [first] = rows.flat();
  if (!first) throw new RangeError('Cannot make a contact sheet: there is no picture');
  const columns = Math.max(...rows.map((row) => row.length));
  const left = (column: number): number =>
    gap + column * (first.width + gap) + Math.floor(column / columnsPerGroup) * gap;
  const sheet = createSheet(
    left(columns - 1) + first.width + gap,
    gap + rows.length * (first.height + gap),
    first.channels,
  );
  sheet.data.fill(background);
  for (const [y, row] of rows.entries())
    for (const [x, picture] of row.entries()) {
      if (!alike(picture, first))
        throw new RangeError(
          `Cannot put a picture of ${form(picture)} on a contact sheet of ${form(first)}: all must be alike`,
        );
      paste(sheet, picture, left(x), gap + y * (first.height + gap));
    }
  return sheet;
}

function createSheet(width: number, height: number, channels: ChannelCount): BytePixels {
  return createPixels(width, height, channels, new Uint8Array(width * height * channels));
}

function paste(sheet: BytePixels, picture: BytePixels, left: number, top: number): void {
  const length = picture.width * picture.channels;
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(y * length, (y + 1) * length);
    sheet.data.set(row, ((top + y) * sheet.width + left) * sheet.channels);
  }
}

function alike(a: BytePixels, b: BytePixels): boolean {
  return a.width === b.width && a.height === b.height && a.channels === b.channels;
}

function form({ width, height, channels }: BytePixels): string {
  return `${width} x ${height} x ${channels}`;
}
