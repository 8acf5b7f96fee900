/**
 * Makes an album to time `interlcm bench --album` with: photos of two megapixels that show one to three faces each, 38
 * on twenty, about as soft as old snapshots, before a blurred background. The same folder gives the same album.
 *
 *     node bench/album.js FACES OUT [PHOTOS] [MEGAPIXELS]
 *
 * FACES: a folder of aligned square portraits. PHOTOS: 20 unless given. MEGAPIXELS: 2 unless given.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';

const [faces, out, photosText = '20', megapixelsText = '2'] = process.argv.slice(2);
if (!faces || !out) throw new Error('Usage: node bench/album.js FACES OUT [PHOTOS] [MEGAPIXELS]');
/** How many faces photos show, again and again: 19 on ten. */
const counts = [2, 1, 3, 2, 1, 2, 3, 1, 2, 2];
const scale = Math.sqrt(Number(megapixelsText) / 2);
const [width, height] = [Math.round(1632 * scale), Math.round(1224 * scale)];
/** A face's detail in pixels, whatever size it is shown at. */
const detail = 72;

const portraits = readdirSync(faces)
  .filter((name) => /\.(jpe?g|png)$/i.test(name))
  .sort()
  .map((name) => path.join(faces, name));
if (portraits.length === 0) throw new Error(`There are no portraits in ${faces}`);
mkdirSync(out, { recursive: true });

let used = 0;
const nextPortrait = () => /** @type {string} */ (portraits[used++ % portraits.length]);

for (let photo = 0; photo < Number(photosText); photo++) {
  const count = /** @type {number} */ (counts[photo % counts.length]);
  const background = await sharp(nextPortrait())
    .resize(24, 18, { fit: 'fill' })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .modulate({ saturation: 0.6 })
    .toBuffer();
  const shown = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const side = Math.round((300 + ((photo * 67 + i * 131) % 240)) * scale);
      const soft = await sharp(nextPortrait()).resize(detail, detail).toBuffer();
      const left = Math.round(((i + 0.5) * width) / count - side / 2);
      const top = Math.round((height - side) * (0.3 + 0.1 * ((photo + i) % 5)));
      return { input: await sharp(soft).resize(side, side, { kernel: 'cubic' }).toBuffer(), left, top };
    }),
  );
  const name = `${String(photo + 1).padStart(2, '0')}.jpg`;
  await sharp(background).composite(shown).jpeg({ quality: 92 }).toFile(path.join(out, name));
}
