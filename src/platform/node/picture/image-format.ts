/** The formats of picture files, and the extensions that tell of them. */

/** Formats that can be written. */
export const imageFormats = ['png', 'jpeg', 'webp', 'avif', 'tiff'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** Of files of each format; the first is that of new ones. */
export const pictureExtensions: { readonly [Format in ImageFormat]: readonly string[] } = {
  png: ['.png'],
  jpeg: ['.jpg', '.jpeg', '.jpe', '.jfif'],
  webp: ['.webp'],
  avif: ['.avif'],
  tiff: ['.tif', '.tiff'],
};

/** Of pictures of every format that can be written, and of GIF, which can only be read. */
export const allPictureExtensions: ReadonlySet<string> = new Set([
  ...Object.values(pictureExtensions).flat(),
  '.gif',
]);
