/**
 * How often a face is found where none is: in textures made here, and in pictures whose faces are known by number.
 *
 *     node bench/false-finds.js [FOLDER FACES]
 *
 * FOLDER: of pictures that show FACES faces each (0, or 1 for portraits); without it only the textures are looked at.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { resizePixels } from '../dist/image/resize.js';
import { loadFaceDetector } from '../dist/platform/node/model/load-face-detector.js';
import { readImageFile } from '../dist/platform/node/picture/image-file.js';
import { RandomStream } from '../dist/random/random-stream.js';

const [folder, facesText = '0'] = process.argv.slice(2);
const [width, height] = [1000, 750];
const texturesOfKind = 10;

/** Gray levels of a place, by the kind of texture. @type {Record<string, (seed: number) => import('../dist/image/pixels.js').Pixels>} */
const kinds = {
  'white noise': (seed) => noise(seed, 1),
  'fine clouds': (seed) => clouds(seed, [4, 8, 16]),
  clouds: (seed) => clouds(seed, [8, 16, 32, 64, 128]),
  'coarse clouds': (seed) => clouds(seed, [64, 128, 256]),
  discs: (seed) =>
    drawn(seed, (x, y, [a, b, c]) =>
      Math.hypot((x % (60 + 40 * a)) - 40, (y % (70 + 40 * b)) - 40) < 12 + 20 * c ? 60 : 200,
    ),
  bricks: (seed) =>
    drawn(seed, (x, y, [a, b, c]) =>
      (x + Math.floor(y / (30 + 20 * a)) * 25) % (50 + 30 * b) < 4 + 4 * c || y % (30 + 20 * a) < 4
        ? 210
        : 110,
    ),
  waves: (seed) =>
    drawn(
      seed,
      (x, y, [a, b, c]) =>
        128 + 60 * Math.sin(x * (0.02 + 0.1 * a)) + 60 * Math.sin(y * (0.02 + 0.1 * b) + x * 0.05 * c),
    ),
};

const detector = await loadFaceDetector();
let pictures = 0;
let found = 0;
for (const [name, make] of Object.entries(kinds)) {
  let count = 0;
  for (let seed = 0; seed < texturesOfKind; seed++) count += (await detector.detect(make(seed))).length;
  console.log(`${name}: ${count} finds in ${texturesOfKind} pictures`);
  found += count;
  pictures += texturesOfKind;
}
console.log(`textures: ${found} false finds in ${pictures} pictures`);
if (folder) {
  const names = readdirSync(folder).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
  const known = Number(facesText);
  let [more, fewer] = [0, 0];
  for (const name of names) {
    const { pixels } = await readImageFile(path.join(folder, name));
    const { length } = await detector.detect(pixels);
    more += Math.max(length - known, 0);
    fewer += Math.max(known - length, 0);
    if (length !== known) console.log(`${name}: ${length} faces`);
  }
  console.log(
    `${folder}: ${more} false finds, ${fewer} faces missed in ${names.length} pictures of ${known}`,
  );
}
await detector.release();

/** Normal noise of `cell` pixels, in RGB. @param {number} seed @param {number} cell */
function noise(seed, cell) {
  const [columns, rows] = [Math.ceil(width / cell), Math.ceil(height / cell)];
  const values = new RandomStream(seed, [0, cell]).fillNormal(new Float32Array(columns * rows * 3));
  const data = values.map((value) => 128 + 40 * value);
  const small = { width: columns, height: rows, channels: /** @type {const} */ (3), data };
  return resizePixels(small, { width, height }, 'bilinear');
}

/** @param {number} seed @param {number[]} cells */
function clouds(seed, cells) {
  const data = new Float32Array(width * height * 3).fill(128);
  for (const cell of cells) {
    const { data: values } = noise(seed, cell);
    for (let i = 0; i < data.length; i++) data[i] += (values[i] - 128) / Math.sqrt(cells.length);
  }
  return { width, height, channels: /** @type {const} */ (3), data };
}

/** @param {number} seed @param {(x: number, y: number, chosen: number[]) => number} level */
function drawn(seed, level) {
  const chosen = [...new RandomStream(seed, [1]).fillNormal(new Float32Array(3))].map(
    (value) => Math.abs(value) % 1,
  );
  const grain = noise(seed, 1).data;
  const data = new Float32Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    data[i] = level(pixel % width, Math.floor(pixel / width), chosen) + (grain[i] - 128) / 8;
  }
  return { width, height, channels: /** @type {const} */ (3), data };
}
