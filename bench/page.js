/**
 * What the page costs whoever opens it: bytes of script, seconds until the first face is restored, and memory of the
 * browser's process with photos of 12 and 50 megapixels.
 *
 *     node bench/page.js PHOTO
 *
 * Needs Chromium: at /usr/bin/chromium, or where CHROMIUM says.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'fflate';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const [photo] = process.argv.slice(2);
if (!photo) throw new Error('Usage: node bench/page.js PHOTO');
const root = fileURLToPath(new URL('..', import.meta.url));
const patienceMs = 900_000;
const folder = mkdtempSync(path.join(tmpdir(), 'interlcm-bench-'));

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;

function scripts() {
  const built = path.join(root, 'dist', 'page');
  const files = readdirSync(built, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  );
  /** @param {(name: string) => boolean} wanted */
  const sum = (wanted) => {
    const contents = files.filter(wanted).map((name) => readFileSync(path.join(built, name)));
    const packed = contents.reduce((total, content) => total + gzipSync(content).length, 0);
    return `${kilobytes(contents.reduce((total, { length }) => total + length, 0))} (gzip ${kilobytes(packed)})`;
  };
  /** @param {string} name */
  const isEngine = (name) => /(^|\/)ort\./.test(name);
  console.log(`script without ONNX Runtime: ${sum((name) => !isEngine(name))}; with it: ${sum(() => true)}`);
  console.log(`  of it at once: ${sum((name) => /(^|\/)(index|worker|service-worker)[-.]/.test(name))}`);
}

/** @returns {Promise<{ url: string, stop: () => void }>} */
async function serve() {
  const main = path.join(root, 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, 'page', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    const url = /http:\/\/\S+/.exec(line)?.[0];
    if (url) return { url, stop: () => void child.kill() };
  }
  throw new Error('The page is not served');
}

/** Resident memory of the largest process that shows a page, in MB. */
function largestRenderer() {
  let largest = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) continue;
      const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      largest = Math.max(largest, Number(resident) / 1024);
    } catch {
      // It has ended.
    }
  }
  return Math.round(largest);
}

/**
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} url
 * @param {string} file
 */
async function restore(context, url, file) {
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(url);
  await page.locator('#choose').waitFor({ state: 'attached' });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, largestRenderer());
  }, 200);
  const start = performance.now();
  const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
  await page.locator('#choose').setInputFiles(file);
  const end = page.locator('.outline, .patch, .stage-message:not([hidden])').first();
  await end.waitFor();
  const found = seconds();
  const refusal = page.locator('.stage-message:not([hidden])');
  let text = `faces found after ${found} s`;
  if (await refusal.isVisible()) text = `refused after ${found} s: ${await refusal.textContent()}`;
  else {
    await page.locator('.face[data-state=restored], .face[data-state=alone], .patch').first().waitFor();
    text += `, the first one done after ${seconds()} s`;
    await page.locator('#cancel').waitFor({ state: 'hidden' });
    const force = page.locator('#force');
    if (await force.isVisible()) {
      await force.click();
      await page.locator('.patch').first().waitFor();
      await page.locator('#cancel').waitFor({ state: 'hidden' });
      text += `, restored although they were sharp after ${seconds()} s`;
    }
    await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
    text += `, saved after ${seconds()} s`;
  }
  clearInterval(watch);
  await page.close();
  return `${text}; ${most} MB at most`;
}

scripts();
const { url, stop } = await serve();
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  const context = await browser.newContext({ acceptDownloads: true, locale: 'en-US' });
  console.log(`first visit: ${await restore(context, url, photo)}`);
  console.log(`next visit: ${await restore(context, url, photo)}`);
  for (const [width, height] of /** @type {const} */ ([
    [4000, 3000],
    [8200, 6100],
    [9000, 7000],
  ])) {
    const large = path.join(folder, `${width}.jpg`);
    await sharp(photo).resize(width, height, { fit: 'cover' }).jpeg({ quality: 92 }).toFile(large);
    const megapixels = ((width * height) / 1e6).toFixed(0);
    console.log(
      `${megapixels} megapixels (${kilobytes(statSync(large).size)}): ${await restore(context, url, large)}`,
    );
  }
} finally {
  await browser.close();
  stop();
  rmSync(folder, { recursive: true, force: true });
}
