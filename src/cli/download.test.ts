import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planDownload } from '../platform/node/download/download-releases.ts';
import { releases } from '../platform/node/download/released-files.ts';
import { openCheckpointFolder } from '../platform/node/model/checkpoint-store.ts';
import { makeFormulaCheckpoint } from '../platform/node/model/formula-checkpoint.ts';
import { openCheckpoint } from '../restore/checkpoint.ts';
import { modelImageSize } from '../restore/restoration-graphs.ts';
import { microSpec } from '../verify/formula.ts';
import { type DownloadEnvironment, runDownloadCommand } from './download.ts';
import { InterruptedError, UsageError } from './terminal/usage-error.ts';

let root: string;
let server: Server | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'download-cli-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(root, { recursive: true, force: true });
});

/** A server of what `find` gives for a path, and the paths that were asked for. */
async function serve(find: (path: string) => Promise<Buffer | undefined>) {
  const asked: string[] = [];
  server = createServer(async (request, response) => {
    asked.push(request.url!);
    const found = await find(request.url!.slice(1)).catch(() => undefined);
    if (found) response.writeHead(200, { 'content-length': found.length }).end(found);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function run(
  names: string[],
  {
    flags = {},
    ...environment
  }: Partial<DownloadEnvironment> & { flags?: Partial<Parameters<typeof runDownloadCommand>[1]> } = {},
) {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const error = await runDownloadCommand(
    names,
    { output: join(root, 'weights'), mirror: [], ...flags },
    {
      stdout: { write: (text) => stdout.push(text) },
      stderr: { write: (text) => stderr.push(text) },
      env: {},
      signal: new AbortController().signal,
      ask: undefined,
      ...environment,
    },
  ).then(
    () => undefined,
    (caught: Error) => caught,
  );
  return { error, stdout: stdout.join(''), stderr: stderr.join('') };
}

const zip = Buffer.from('PK\x03\x04 and so on', 'latin1');

describe('interlcm download', () => {
  it('makes a folder that opens as a checkpoint', async () => {
    const formula = join(root, 'formula');
    await makeFormulaCheckpoint(microSpec, formula);
    const { url, asked } = await serve((path) => {
      const [folder = '', name = ''] = [path.slice(0, path.lastIndexOf('/')), path.split('/').at(-1)];
      const own = name
        .replace('_3step.pth', '.safetensors')
        .replace('pytorch_model.bin', 'model.safetensors');
      return readFile(join(formula, folder, own)).catch(() =>
        readFile(join(formula, folder, own.replace('.safetensors', '.pth'))),
      );
    });
    const { error, stderr } = await run(['interlcm-3step'], { flags: { mirror: [`${url}/`], yes: true } });
    expect(error).toBeUndefined();
    expect(stderr).toContain('CC BY-NC 4.0: NOT for commercial use');
    expect(stderr).toMatch(
      /lcm\/unet\/diffusion_pytorch_model\.safetensors: .* size as the server says \(no SHA-256/,
    );

    const store = await openCheckpointFolder(join(root, 'weights'));
    try {
      const checkpoint = await openCheckpoint(store);
      // Encoders without a config are the released ones, trained on this size.
      expect(modelImageSize(checkpoint)).toBe(512);
      expect(checkpoint.visualEncoder!.path).toBe('interlcm/visual_encoder_3step.pth');
    } finally {
      await store.close();
    }

    // Nothing is fetched twice, and what is shared is fetched once.
    const before = asked.length;
    expect((await run(['interlcm-3step'], { flags: { offline: true } })).error).toBeUndefined();
    expect(asked).toHaveLength(before);
    const other = await run(['colorization'], { flags: { offline: true } });
    expect(other.error?.message).toMatch(
      /Cannot download while offline: .* lacks\n {2}interlcm\/visual_encoder_colorization_1step\.pth .*\n {2}interlcm\/spatial_encoder_colorization_1step\.pth .*\n {2}Put them there/,
    );
  });

  it('takes half precision where it is published', async () => {
    const config = Buffer.from('{}');
    const files = new Map([
      ['config.json', config],
      ['diffusion_pytorch_model.safetensors', zip],
    ]);
    const { url, asked } = await serve(async (path) => files.get(path.split('/').at(-1)!));
    const env = { HF_ENDPOINT: `${url}/hub` };
    const full = await run(['sd15-unet'], { flags: { half: true, yes: true }, env });
    expect(full.error).toBeUndefined();
    expect(asked[0]).toBe('/hub/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main/unet/config.json');
    expect(full.stderr).toContain(
      'fp16.safetensors is not published; taking sd15/unet/diffusion_pytorch_model',
    );
    await rm(join(root, 'weights'), { recursive: true });
    files.set('diffusion_pytorch_model.fp16.safetensors', zip);
    await run(['sd15-unet'], { flags: { half: true, yes: true }, env });
    expect(await readdir(join(root, 'weights/sd15/unet'))).toEqual([
      'config.json',
      'diffusion_pytorch_model.fp16.safetensors',
    ]);
    // One of the two is enough.
    expect((await run(['sd15-unet'], { env: { HF_HUB_OFFLINE: '1' } })).error).toBeUndefined();
  });

  it('counts what is fetched already of the precision that is asked for', async () => {
    const release = releases.find(({ name }) => name === 'sd15-unet')!;
    const file = join(root, 'weights/sd15/unet/diffusion_pytorch_model');
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(`${file}.safetensors.part`, Buffer.alloc(7));
    await writeFile(`${file}.fp16.safetensors.part`, Buffer.alloc(5));
    for (const [half, fetchedBytes, remainingBytes] of [
      [false, 7, 3.44e9 - 7],
      [true, 5, 1.72e9 - 5],
    ] as const) {
      const { missing } = await planDownload([release], join(root, 'weights'), { half });
      expect(missing[1]).toMatchObject({ fetchedBytes, remainingBytes });
    }
  });

  it('refuses contents other than the published ones, and fetches a damaged file again', async () => {
    const { url, asked } = await serve(async () => zip);
    await mkdir(join(root, 'weights/face'), { recursive: true });
    await writeFile(join(root, 'weights/face/detection_mobilenet0.25_Final.pth'), Buffer.alloc(1_789_735));
    // The published source, which comes next, is not to be asked in a test.
    const controller = new AbortController();
    const stderr: string[] = [];
    const write = (text: string): void => {
      stderr.push(text);
      if (text.includes('trying another source')) controller.abort(new InterruptedError());
    };
    const { error } = await run(['detector-small'], {
      flags: { mirror: [url], yes: true },
      stderr: { write },
      signal: controller.signal,
    });
    expect(error).toBeInstanceOf(InterruptedError);
    expect(asked).toEqual(['/face/detection_mobilenet0.25_Final.pth']);
    expect(stderr.join('')).toContain(
      `${url}/face/detection_mobilenet0.25_Final.pth: the server's file has ${zip.length} bytes, the published one 1789735`,
    );
    expect(stderr.join('')).toContain('the same command goes on from there');
  });

  it('says what is not published in half precision', async () => {
    const asked = await run(['interlcm-3step'], { flags: { half: true } });
    expect(asked.error).toBeInstanceOf(UsageError);
    expect(asked.stderr).toContain('9 files, about 5.9 GB');
    expect(asked.stderr).toMatch(/^Not published in half precision, so in full: .*lcm\/unet\/diffusion_/m);
    const published = await run(['sd15-unet'], { flags: { half: true } });
    expect(published.stderr).toContain('about 1.7 GB');
    expect(published.stderr).not.toContain('Not published');
  });

  it('asks before it downloads', async () => {
    const { url, asked } = await serve(async (path) => (path.endsWith('.json') ? Buffer.from('{}') : zip));
    const questions: string[] = [];
    const answer = (text: string) => async (question: string) => {
      questions.push(question);
      return text;
    };
    const flags = { mirror: [url] };
    expect((await run(['sd15-unet'], { flags })).error?.message).toMatch(/add --yes/);
    const no = await run(['sd15-unet'], { flags, ask: answer('') });
    expect(no.error).toBeInstanceOf(UsageError);
    expect(asked).toEqual([]);
    expect((await run(['sd15-unet'], { flags, ask: answer('Yes') })).error).toBeUndefined();
    expect(questions).toHaveLength(2);
    expect(asked).toHaveLength(2);
  });

  it('lists what there is', async () => {
    const { stdout } = await run([], { flags: { list: true } });
    for (const name of [
      'interlcm-3step',
      'interlcm-1step',
      'colorization',
      'inpainting',
      'detector',
      'parser',
    ])
      expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
    expect(stdout).toMatch(/interlcm-3step +5\.9 GB/);
    expect(stdout).toMatch(/on disk, .*: 12\.6 GB \(--memory fast\), 8\.7 GB \(--memory balanced\)/);
  });

  it.each([
    [[], {}, /needs the name of something/],
    [['weights'], {}, /There is no "weights" to download; there are interlcm-3step/],
    [['detector'], { mirror: ['ftp://example.org'] }, /--mirror takes an address/],
  ])('refuses %j %j', async (names, flags, message) => {
    const { error } = await run(names, { flags });
    expect(error).toBeInstanceOf(UsageError);
    expect(error?.message).toMatch(message);
  });
});
