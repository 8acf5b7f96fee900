/** `--face 0 2`: what follows the first number looks like a picture to the command line. */
import { exists } from '../../platform/node/files/file-kind.ts';

/**
 * Takes whole numbers among the pictures for faces, where faces are asked for and no file has that name.
 * @param face indices given by the flag, one list each time
 */
export async function splitFaceIndices(
  words: readonly string[],
  face: readonly (readonly number[])[],
): Promise<{ pictures: string[]; face: (readonly number[])[] }> {
  const split = { pictures: [] as string[], face: [...face] };
  for (const word of words) {
    const isIndex = face.length > 0 && /^\d{1,3}$/.test(word) && !(await exists(word));
    if (isIndex) split.face.push([Number(word)]);
    else split.pictures.push(word);
  }
  return split;
}
