import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFaces, renderPixels } from '../../face/drawn-face.test-support.ts';
import { input } from '../../graph/ops.ts';
import { toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { matchMoments } from '../../metrics/moment-match.ts';
import { psnr } from '../../metrics/psnr.ts';
import { buildLpips } from '../../models/lpips/lpips.ts';
import { buildMusiq } from '../../models/musiq/musiq.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { saveNetwork } from '../../platform/node/model/saved-network.test-support.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import { readMetricsRequest } from './evaluate.ts';
import { evaluateMetrics } from './evaluate-metrics.ts';

let root: string;
const minutes = 60_000;

/** Formula weights in the released layout. */
async function writeWeights(): Promise<void> {
  const folder = join(root, 'weights', 'metrics');
  await mkdir(folder, { recursive: true });
  const scope = () => parameterScope('net');
  const small = [input('a', [1, 3, 64, 64]), input('b', [1, 3, 64, 64])] as const;
  const lpips = (part: 'trunk' | 'linear') => {
    const other = parameterScope('other');
    const networks = { trunk: other, linear: other, [part]: scope() };
    return buildLpips(networks, ...small, { trunk: 'alex', doubleNormalisation: false });
  };
  const own = { only: 'net/' };
  await saveNetwork(join(folder, 'alexnet-owt-7be5be79.pth'), [lpips('trunk')], own);
  await saveNetwork(join(folder, 'lpips-alex.pth'), [lpips('linear')], own);
  const config = { width: 64, depth: 1, heads: 1, mlpWidth: 64, grid: 10, scales: 3 };
  const inputs = {
    patches: input('patches', [1, 3, 32, 32]),
    positions: input('positions', [1]),
    scales: input('scales', [1]),
  };
  const { score } = buildMusiq(scope(), config, inputs);
  await saveNetwork(join(folder, 'musiq_koniq_ckpt-e95806b9.pth'), [score]);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'evaluate-metrics-'));
  await writeWeights();
  for (const folder of ['hq', 'out']) await mkdir(join(root, folder));
  for (const [i, turn] of [0, 8, -8].entries()) {
    const face = await renderPixels(drawFaces(96, 96, [{ x: 4, y: 6, size: 84, turn }]));
    await writeFile(join(root, `hq/face${i}.png`), await encodeImage(face, 'png'));
    const small = toBytePixels(resizePixels(face, { width: 24 + 8 * i, height: 24 + 8 * i }, 'area'));
    const result = toBytePixels(resizePixels(small, face, 'bilinear'));
    await writeFile(join(root, `out/face${i}.jpg`), await encodeImage(result, 'jpeg'));
  }
}, minutes);
afterAll(() => rm(root, { recursive: true, force: true }));

async function evaluate(flags: Parameters<typeof readMetricsRequest>[0]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const request = readMetricsRequest({
    hq: join(root, 'hq'),
    restored: join(root, 'out'),
    weights: [join(root, 'weights')],
    json: true,
    threads: 1,
    ...flags,
  });
  const code = await evaluateMetrics(request, {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal: new AbortController().signal,
  });
  return { ...written, code };
}
const report = async (flags: Parameters<typeof evaluate>[0]) => {
  const { stdout, stderr, code } = await evaluate(flags);
  return { ...JSON.parse(stdout), stderr, code };
};

describe('evaluate --metrics', () => {
  it('measures every metric whose weights are there, and says which weights', {
    timeout: minutes,
  }, async () => {
    const metrics = 'psnr,psnr-vqfr,lpips,musiq,dreamsim';
    const { sets, weights, stderr } = await report({ metrics });
    const [set] = sets;
    expect(set).toMatchObject({ label: 'restored', count: 3 });
    expect(Object.keys(set.metrics).sort()).toEqual(metrics.replace(',dreamsim', '').split(',').sort());
    const truth = (await readImageFile(join(root, 'hq/face0.png'))).pixels;
    const result = (await readImageFile(join(root, 'out/face0.jpg'))).pixels;
    const [first] = set.pictures;
    expect(first.name).toBe('face0');
    expect(first.scores.psnr).toBeCloseTo(psnr(result, truth), 10);
    expect(first.scores['psnr-vqfr']).toBeCloseTo(psnr(matchMoments(result, truth), truth), 10);
    for (const [name, score] of Object.entries<{ mean: number; low?: number; high?: number }>(set.metrics)) {
      expect(Number.isFinite(score.mean), name).toBe(true);
      expect(score.low).toBeLessThanOrEqual(score.mean);
      expect(score.high).toBeGreaterThanOrEqual(score.mean);
    }
    expect(stderr).not.toContain('The truth is resized');
    expect(stderr).toMatch(/dreamsim is not measured: it needs .*to be downloaded as dreamsim/);
    expect(weights).toHaveLength(3);
    expect(weights[0]).toMatchObject({
      file: 'lpips-alex.pth',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('finds nothing between the truth and itself', { timeout: minutes }, async () => {
    const { sets } = await report({ restored: join(root, 'hq'), metrics: 'lpips' });
    expect(sets[0].metrics.lpips.mean).toBeCloseTo(0, 6);
  });

  it('says once when the truth is resized', async () => {
    const { stderr } = await report({ metrics: 'psnr', size: 48 });
    expect(stderr.split('The truth is resized from 96 × 96 to 48 × 48')).toHaveLength(2);
  });

  it('needs no truth for what needs none', { timeout: minutes }, async () => {
    const { sets } = await report({ hq: undefined, metrics: 'musiq,psnr' });
    expect(Object.keys(sets[0].metrics)).toEqual(['musiq']);
  });

  it('goes on from a journal, even a torn one, and refuses one of other metrics', {
    timeout: minutes,
  }, async () => {
    const journal = join(root, 'scores.jsonl');
    const first = await report({ metrics: 'psnr,musiq', journal });
    const lines = (await readFile(journal, 'utf8')).split('\n');
    await writeFile(journal, `${lines.slice(0, 3).join('\n')}\n${lines[3]!.slice(0, 50)}`);
    const second = await report({ metrics: 'psnr,musiq', journal });
    expect(second.stderr).toContain('Going on from 2 pictures');
    expect(second.sets).toEqual(first.sets);
    await expect(report({ metrics: 'psnr', journal })).rejects.toThrow('of other metrics, weights or a size');
    await appendFile(join(root, 'notes.txt'), 'notes');
    await expect(report({ metrics: 'psnr', journal: join(root, 'notes.txt') })).rejects.toThrow(
      'it is no journal of scores',
    );
  });

  it('measures the pictures that it can, and names the others', async () => {
    const mixed = join(root, 'mixed');
    await cp(join(root, 'out'), mixed, { recursive: true });
    const flags = { restored: mixed, metrics: 'psnr,ssim' };
    const whole = await report(flags);
    expect(whole).toMatchObject({ code: 0, sets: [{ count: 3, failed: [] }] });
    await truncate(join(mixed, 'face1.jpg'), 700);
    await rm(join(mixed, 'face2.jpg'));
    await symlink('nowhere.jpg', join(mixed, 'face2.jpg'));
    const { code, sets, stderr } = await report(flags);
    expect(code).toBe(1);
    expect(sets[0].pictures).toEqual(whole.sets[0].pictures.slice(0, 1));
    expect(sets[0].failed).toEqual([
      { name: 'face1', error: expect.stringMatching(/face1\.jpg: the JPEG file ends too early/) },
      { name: 'face2', error: expect.stringMatching(/face2\.jpg: there is no such file/) },
    ]);
    expect(stderr).toMatch(/not measured: .*face1\.jpg.*\n.*not measured: .*face2\.jpg/);
  });

  it('writes tables for people and programs', async () => {
    const [csv, markdown] = [join(root, 's.csv'), join(root, 's.md')];
    const { stdout } = await evaluate({ metrics: 'psnr,ssim', json: undefined, csv, markdown });
    expect(stdout).toMatch(/^ +pictures +PSNR ↑ +SSIM ↑\nrestored +3 +[\d.]+ \[[\d.]+, [\d.]+\]/);
    const rows = (await readFile(csv, 'utf8')).trim().split('\n');
    expect(rows[0]).toBe('set,picture,psnr,ssim');
    expect(rows.slice(1).map((row) => row.split(',').slice(0, 2).join())).toEqual([
      'restored,face0',
      'restored,face1',
      'restored,face2',
    ]);
    expect((await readFile(markdown, 'utf8')).split('\n')[1]).toBe('| --- | --: | --: | --: |');
  });

  it.each<[what: string, flags: Parameters<typeof readMetricsRequest>[0], message: string]>([
    [
      'a metric that there is not',
      { restored: 'r', metrics: 'psnr,beauty' },
      'There is no metric "beauty"; there are psnr,',
    ],
    [
      'weights that there are not',
      { restored: 'r', metrics: 'psnr', weights: ['vgg=x'] },
      'There are no weights "vgg"',
    ],
    ['nothing to measure', { metrics: 'psnr' }, 'evaluate needs --hq'],
  ])('refuses %s', (_, flags, message) => {
    expect(() => readMetricsRequest(flags)).toThrow(message);
  });

  it('lays out what was measured, the truth last, also of a journal', async () => {
    const sheet = join(root, 'sheet.png');
    const flags = { lq: join(root, 'out'), metrics: 'psnr', sheet, journal: join(root, 'sheet.jsonl') };
    const { code, stderr } = await evaluate(flags);
    expect(code).toBe(0);
    expect(stderr).toContain('The contact sheet shows 3 faces');
    const whole = (await readImageFile(sheet)).pixels;
    // Three rows of input, result and truth, 96 pixels each, with gaps of 4.
    expect([whole.width, whole.height]).toEqual([3 * 100 + 4, 3 * 100 + 4]);
    const truth = (await readImageFile(join(root, 'hq/face1.png'))).pixels;
    const at = (x: number, y: number) => [...whole.data.subarray(3 * (y * whole.width + x)).subarray(0, 3)];
    expect(at(204 + 40, 104 + 50)).toEqual([...truth.data.subarray(3 * (50 * 96 + 40)).subarray(0, 3)]);
    await evaluate(flags);
    expect((await readImageFile(sheet)).pixels).toEqual(whole);
  });

  it('says when nothing can be measured', async () => {
    const nowhere = { weights: [join(root, 'nowhere')], metrics: 'musiq' };
    await expect(report(nowhere)).rejects.toThrow('Cannot measure musiq: the weights are missing');
  });
});
