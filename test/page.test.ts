import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, unzipSync } from 'fflate';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pixels } from '../src/image/pixels.ts';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { loadFaceDetector } from '../src/platform/node/model/load-face-detector.ts';
import { loadRestorer } from '../src/platform/node/model/load-restorer.ts';
import { readImageFile } from '../src/platform/node/picture/image-file.ts';
import { findSubject, laySubject, type RestoredSubject, restoreSubject } from '../src/restore/photo/index.ts';
import { microSpec } from '../src/verify/formula.ts';
import { chromiumPath, launchChromium } from './browser/chromium.ts';
import { type PackedPage, servePackedPage } from './browser/packed-page.ts';

/** A busy machine takes its time over networks. */
const patienceMs = 600_000;
/** 1e-2 of the range. */
const tolerance = 0.01 * 255;

const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

/** Of a photo that lies on its side. */
const sidewaysXmp =
  '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" tiff:Orientation="6" photoshop:City="Nowhere"/></rdf:RDF></x:xmpmeta>';

/** Two faces on a plain ground. */
async function composePhoto(): Promise<Sharp> {
  const left = await sharp(example('face-low.png')).resize(220).toBuffer();
  const right = await sharp(example('face.png')).resize(180).blur(1.6).toBuffer();
  return sharp({ create: { width: 720, height: 480, channels: 3, background: '#8fa3b0' } }).composite([
    { input: left, left: 70, top: 90 },
    { input: right, left: 430, top: 180 },
  ]);
}

describe.skipIf(!chromiumPath)('the page of the packed package', { timeout: patienceMs }, () => {
  let folder: string;
  let photo: string;
  let server: PackedPage;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const problems: string[] = [];

  const watch = (watched: Page): void => {
    watched.setDefaultTimeout(patienceMs);
    watched.on('pageerror', (error) => problems.push(error.message));
    watched.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    watched.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== new URL(server.url).origin)
        problems.push(`asked another server: ${request.url()}`);
    });
  };
  /** Until nothing is under way, nor waits. */
  const idle = async (): Promise<void> => {
    await page
      .locator('.photo:is([data-stage=waiting],[data-stage=finding],[data-stage=restoring])')
      .first()
      .waitFor({ state: 'detached' });
    await page.locator('#cancel').waitFor({ state: 'hidden' });
  };
  const save = async (button: string): Promise<Uint8Array> => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
    return readFile(await download.path());
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'interlcm-page-'));
    photo = path.join(folder, 'two.png');
    await (await composePhoto()).png().toFile(photo);
    server = await servePackedPage(folder);
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
    page = await context.newPage();
    watch(page);
    await page.goto(server.url);
  }, patienceMs);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('says what it will download, and that nothing is uploaded', async () => {
    await page.getByText(/The first photo downloads what is needed, \d\d MB/).waitFor();
    expect(await page.getByText('Your photos never leave this device.').isVisible()).toBe(true);
  });

  it('restores the faces of a photo as Node does, and leaves the rest as it is to the bit', async () => {
    await page.locator('#choose').setInputFiles(photo);
    await idle();
    expect(await page.locator('.outline[data-state=restored]').count()).toBe(2);
    const saved = path.join(folder, 'saved.png');
    await writeFile(saved, await save('#save'));
    const half = path.join(folder, 'half.png');
    await page.locator('#strength').fill('50');
    expect(
      await page
        .locator('.patch')
        .first()
        .evaluate((patch) => getComputedStyle(patch).opacity),
    ).toBe('0.5');
    await writeFile(half, await save('#save'));

    const [restorer, detector] = [await loadRestorer(undefined, { device: 'cpu' }), await loadFaceDetector()];
    const tools = { restorer: async () => restorer, detector: async () => detector };
    const picture = await readImageFile(photo);
    const restored = await restoreSubject(picture, await findSubject(picture.pixels, tools), tools, {
      seed: 0,
    });
    await restorer.release();
    await detector.release();
    const reached = await maskedPixels(picture, restored);
    expect(reached.some((isReached) => !isReached)).toBe(true);
    for (const [file, strength] of [
      [saved, 1],
      [half, 0.5],
    ] as const) {
      const { format, pixels } = await readImageFile(file);
      expect([format, pixels.width, pixels.height]).toEqual(['png', 720, 480]);
      expect(
        largestDifference(pixels, (await laySubject(picture, restored, { strength })).pixels),
      ).toBeLessThan(tolerance);
      const changedOutside = pixels.data.filter(
        (value, i) => !reached[Math.floor(i / 3)] && value !== picture.pixels.data[i],
      );
      expect(changedOutside).toHaveLength(0);
    }
    expect(problems).toEqual([]);
  });

  it('leaves a face out and takes it in again at a click', async () => {
    const first = page.locator('.outline').first();
    await first.click({ position: { x: 20, y: 20 } });
    await page.locator('.outline[data-state=out]').waitFor();
    expect(await page.locator('.patch').count()).toBe(1);
    expect(await page.getByText('Left out').first().isVisible()).toBe(true);
    await first.click({ position: { x: 20, y: 20 } });
    await page.locator('.patch').nth(1).waitFor();
    expect(await page.locator('.outline[data-state=restored]').count()).toBe(2);
  });

  it('is looked at closely by keys', async () => {
    const place = () =>
      page.locator('.canvas').evaluate((canvas) => {
        const { x, y, width } = canvas.getBoundingClientRect();
        return { x, y, width };
      });
    const whole = await place();
    for (let i = 0; i < 3; i++) await page.locator('.window').press('+');
    const near = await place();
    expect(near.width / whole.width).toBeCloseTo(1.4 ** 3, 2);
    await page.locator('.window').press('ArrowRight');
    await page.locator('.window').press('ArrowDown');
    const moved = await place();
    expect([near.x - moved.x, near.y - moved.y]).toEqual([60, 60]);
    await page.locator('.window').press('-');
    expect((await place()).width).toBeLessThan(near.width);
    await page.locator('.window').press('0');
    expect(await place()).toEqual(whole);
    const slider = page.getByRole('slider', { name: /Left of it/ });
    await slider.press('ArrowLeft');
    expect(await slider.getAttribute('aria-valuenow')).toBe('48');
  });

  it('has nothing that axe finds', async () => {
    const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    await page.evaluate(source);
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
      return (await axe.run()).violations.map(({ id }) => id);
    });
    expect(found).toEqual([]);
  });

  it('goes through a batch with a broken file, and packs the results', async () => {
    const upright = await (await composePhoto()).png().toBuffer();
    const turned = path.join(folder, 'turned.jpg');
    await sharp(upright)
      .rotate(270)
      .jpeg({ quality: 95 })
      .withMetadata({ orientation: 6 })
      .withExifMerge({ IFD0: { Artist: 'Somebody' } })
      .withIccProfile('p3', { attach: true })
      .withXmp(sidewaysXmp)
      .toFile(turned);
    const webp = path.join(folder, 'lossless.webp');
    const { data, info } = await sharp(upright).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    // The upper half is seen less and less, down to nothing.
    for (let i = 0; i < data.length; i += 4) data[i + 3] = Math.min(255, Math.floor(i / 4 / info.width));
    await sharp(data, { raw: info }).webp({ lossless: true, exact: true }).toFile(webp);
    const empty = path.join(folder, 'empty.avif');
    await sharp({ create: { width: 300, height: 200, channels: 3, background: '#345' } })
      .avif({ lossless: true })
      .toFile(empty);
    const broken = path.join(folder, 'broken.png');
    await writeFile(broken, 'no picture');
    // Says that it is larger than what is taken, and ends there.
    const large = path.join(folder, 'large.png');
    const begun = await readFile(photo);
    begun.writeUInt32BE(9000, 16);
    begun.writeUInt32BE(7000, 20);
    await writeFile(large, begun.subarray(0, 100));
    await page.locator('#add').setInputFiles([turned, broken, webp, empty, large]);
    await idle();
    expect(await page.locator('.photo[data-stage=done]').count()).toBe(4);
    expect(await page.locator('.photo[data-stage=failed]').count()).toBe(2);
    for (const [name, reason] of [
      ['broken.png', /cannot be read/],
      ['large.png', /too large for a browser \(9000 × 7000 pixels\)/],
    ] as const) {
      await page.locator('.photo', { hasText: name }).click();
      await page.getByText(reason).waitFor();
      expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
    }
    // A failed photo is looked at: there is nothing to save of it, but of the others there is.
    expect(await page.locator('#save').isVisible()).toBe(false);
    const packed = unzipSync(await save('#save-all'));
    expect(Object.keys(packed).sort()).toEqual([
      'empty-restored.avif',
      'lossless-restored.webp',
      'turned-restored.jpg',
      'two-restored.png',
    ]);
    const { format, width, height, orientation, exif, icc, xmp } = await sharp(
      packed['turned-restored.jpg'],
    ).metadata();
    expect({ format, width, height, orientation }).toEqual({
      format: 'jpeg',
      width: 720,
      height: 480,
      orientation: 1,
    });
    expect(exif!.includes('Somebody')).toBe(true);
    expect(icc!.equals((await sharp(turned).metadata()).icc!)).toBe(true);
    expect(xmp!.toString()).toMatch(/tiff:Orientation="1"[^>]*Nowhere/);

    const transparent = await readImageFile(webp);
    const file = path.join(folder, 'transparent.webp');
    await writeFile(file, packed['lossless-restored.webp']!);
    const kept = await readImageFile(file);
    expect(kept.alpha!.data).toEqual(transparent.alpha!.data);
    // Colours are kept where nothing of them is seen, too.
    const row = 3 * 720;
    expect(kept.pixels.data.subarray(0, row)).toEqual(transparent.pixels.data.subarray(0, row));
    expect(kept.pixels.data).not.toEqual(transparent.pixels.data);
  });

  it('turns a photo that lies on its side', async () => {
    await page.locator('.photo', { hasText: 'lossless.webp' }).click();
    await page.getByRole('button', { name: 'Turn the photo to the right' }).click();
    await idle();
    const { width, height } = await sharp(await save('#save')).metadata();
    expect([width, height]).toEqual([480, 720]);
  });

  it('restores a face in a box drawn by hand', async () => {
    await page.locator('.photo', { hasText: 'empty.avif' }).click();
    await page.getByText('No face was found.').waitFor();
    await page.getByRole('button', { name: 'Mark a face by hand' }).click();
    await page.locator('.window').press('Enter');
    await page.locator('.outline[data-state=restored]').waitFor();
    await idle();
    const { format, compression, width, height } = await sharp(await save('#save')).metadata();
    expect([format, compression, width, height]).toEqual(['heif', 'av1', 300, 200]);
  });

  it('stops at once, and goes on', async () => {
    await page.getByRole('button', { name: 'Another version' }).click();
    await page.locator('#cancel').click();
    await page.locator('#resume').waitFor();
    await page.locator('#resume').click();
    await idle();
    expect(await page.locator('.outline[data-state=restored]').count()).toBe(1);
  });

  it('lets a model from a folder follow the photo more or less, and says that faces are of others', async () => {
    const model = path.join(folder, 'fused');
    await makeFormulaCheckpoint({ ...microSpec, vae: { ...microSpec.vae, photo_fusion: true } }, model);
    for (const photos = page.locator('.remove'); (await photos.count()) > 0; ) await photos.first().click();
    await page.getByText('Model', { exact: true }).click();
    await page.locator('#folder').setInputFiles(model);
    await page.getByLabel('A folder on this device').first().check();
    await page.getByRole('button', { name: 'Use this model' }).click();
    await page.locator('#choose').setInputFiles(photo);
    const face = page.locator('.patch').first();
    await face.waitFor();
    await idle();
    // Its weights are formulas: what comes out is nobody's face, or hardly one.
    const warnings = page.getByText('This may look like another person').filter({ visible: true });
    await warnings.first().waitFor();
    await page.locator('#strength').fill('0');
    await warnings.first().waitFor({ state: 'detached' });
    const before = await face.getAttribute('src');
    expect(await page.locator('#fidelity').inputValue()).toBe('100');
    await page.locator('#fidelity').fill('20');
    await page.locator(`.patch:not([src="${before}"])`).waitFor();
    expect(await page.locator('#fidelity').inputValue()).toBe('20');
    expect(problems).toEqual([]);
  });

  it('opens without a network', async () => {
    await page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await context.setOffline(true);
    await page.reload();
    await page.getByRole('heading', { name: 'Restore faces' }).waitFor();
    await page.getByText('Everything is on this device').waitFor();
    await context.setOffline(false);
  });

  it('speaks Chinese where the browser does', async () => {
    const chinese = await browser.newContext({ locale: 'zh-CN', viewport: { width: 390, height: 844 } });
    const other = await chinese.newPage();
    await other.goto(server.url);
    await other.getByRole('heading', { name: '修复人脸' }).waitFor();
    expect(await other.evaluate(() => document.documentElement.lang)).toBe('zh');
    await chinese.close();
  });
});

/** Bytes without ONNX Runtime's: what a visit loads, and all that there is. */
it('has a small script', async () => {
  const folder = fileURLToPath(new URL('../dist/page/', import.meta.url));
  const names = (await readdir(folder, { recursive: true })).filter(
    (name) => /\.js$/.test(name) && !/(^|\/)ort\./.test(name),
  );
  const files = await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(path.join(folder, name)) })),
  );
  const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0);
  const first = files.filter(({ name }) => /(index|worker|service-worker)[-.]/.test(path.basename(name)));
  expect(first).toHaveLength(3);
  // A first restoration loads a decoder too, of 18 kB.
  expect(sum(first.map(({ content }) => content.length))).toBeLessThan(300_000);
  expect(sum(files.map(({ content }) => content.length))).toBeLessThan(420_000);
  expect(sum(files.map(({ content }) => gzipSync(content).length))).toBeLessThan(160_000);
});

function largestDifference(a: Pixels, b: Pixels): number {
  let largest = 0;
  for (let i = 0; i < a.data.length; i++) largest = Math.max(largest, Math.abs(a.data[i]! - b.data[i]!));
  return largest;
}

/** Where laying any face in would change a pixel, wherever a mask reaches, and a pixel around it. */
async function maskedPixels(
  picture: Parameters<typeof laySubject>[0],
  restored: RestoredSubject,
): Promise<boolean[]> {
  if (restored.kind !== 'photo') throw new TypeError('the photo was taken for one aligned face');
  const laid = await Promise.all(
    // So far out of range that the faintest trace of a mask shows.
    [-1e6, 1e6].map(async (value) => {
      const faces = restored.faces.map((face) => {
        if (!face.restored) return face;
        const { result } = face.restored;
        const plain = { ...result, data: new Float32Array(result.data.length).fill(value) };
        return { ...face, restored: { ...face.restored, result: plain } };
      });
      return (await laySubject(picture, { kind: 'photo', faces })).pixels;
    }),
  );
  const { width, height, data } = picture.pixels;
  const masked = Array.from({ length: width * height }, (_, i) =>
    laid.some((pixels) => [0, 1, 2].some((c) => pixels.data[3 * i + c] !== data[3 * i + c])),
  );
  // The engines' landmarks differ by rounding, so that the border of a mask may lie on either side of a pixel.
  return masked.map((_, i) => [-1, 0, 1].some((dy) => [-1, 0, 1].some((dx) => masked[i + dy * width + dx])));
}
