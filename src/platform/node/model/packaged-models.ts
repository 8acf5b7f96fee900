/** What comes with this package; `models` lies beside `src` as beside `dist`. */
import { fileURLToPath } from 'node:url';

const modelFolder = (name: string): string =>
  fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url));

/** Folder of the small model. */
export const embeddedModel = modelFolder('embedded');
/** Folder of face-api's networks, with their licence. */
export const faceApiFolder = modelFolder('faces');
