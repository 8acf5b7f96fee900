import { fileURLToPath } from 'node:url';

/** Folder of the small model that comes with this package; beside `src` as beside `dist`. */
export const embeddedModel = fileURLToPath(new URL('../../../../models/embedded', import.meta.url));
