/** Schemas of what files say: zod in its small form, which a page has room for, with messages in English. */

import * as z from 'zod/mini';
import { en } from 'zod/v4/locales';

z.config(en());

export { z };
