/** What a picture file may ask for, whoever made it. */

export const pictureLimits = {
  /** width × height, unless the caller says otherwise */
  pixels: 100_000_000,
  /** width × height, whatever the caller says: as bytes, floats and their copies more would take memory without end */
  mostPixels: 400_000_000,
  /** longer side */
  side: 200_000,
  /** of the file */
  bytes: 512 * 2 ** 20,
  /** of EXIF, XMP, a colour profile, or all texts together; more is left out */
  metadataBytes: 4 * 2 ** 20,
  /** texts and comments; more are left out */
  texts: 1000,
} as const;
