/** Numbers of a network's config, each within what {@link fileLimits} allows: a file must not ask for endless graphs. */

import { fileLimits } from '../tensor/file-limits.ts';
import { z } from '../tensor/file-schema.ts';

const limits = fileLimits.network;
const count = (most: number) => z.int().check(z.positive(), z.lte(most));

/** Channels, features, tokens, heads, groups. */
export const width = count(limits.width);
/** One a level of resolution, highest first. */
export const widthsOfBlocks = z.array(width).check(z.minLength(1), z.maxLength(limits.blocks));
/** Layers one after another. */
export const layerCount = count(limits.layers);
/** Layers in each block of a network of several. */
export const layersOfBlock = count(limits.layersOfBlock);
/** Side of an image, a patch or a latent, in pixels or positions. */
export const side = count(limits.side);
