/**
 * What trainers side by side bring: images per second of one trainer with one and two threads, of two workers, and of two
 * processes of mpirun, in turns, on the same images and networks from nothing.
 *
 *     node bench/train-workers.js FACES [CONFIG] [ROUNDS]
 *
 * FACES: folder of good faces. CONFIG: configs/embedded/1-faces.json unless given.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const [faces, config = path.join(project, 'configs/embedded/1-faces.json'), rounds = '3'] =
  process.argv.slice(2);
if (!faces) throw new Error('Usage: node bench/train-workers.js FACES [CONFIG] [ROUNDS]');

const main = path.join(project, 'dist/cli/main.js');
const mpirun = ['mpirun', '--allow-run-as-root', '--oversubscribe', '-n', '2', process.execPath];
/** @type {Record<string, { command: string[], flags: string[] }>} */
const variants = {
  'one thread': { command: [process.execPath], flags: ['--threads', '1'] },
  'two threads': { command: [process.execPath], flags: ['--threads', '2'] },
  'two workers': { command: [process.execPath], flags: ['--workers', '2'] },
  'two processes (MPI)': { command: mpirun, flags: [] },
};
const iterations = 6;
const folder = mkdtempSync(path.join(tmpdir(), 'train-workers-'));

/** Images per second of the fastest iteration: what else the machine does only slows. @param {string} name */
function measure(name) {
  const { command, flags } = variants[name];
  const out = path.join(folder, 'run');
  rmSync(out, { recursive: true, force: true });
  const settings = [`iterations=${iterations}`, 'validationImages=1', 'saveEvery=1000'];
  const args = ['train', '--config', config, '--data', path.resolve(faces), '--out', out, ...flags];
  const [program, ...before] = command;
  const { status, stderr } = spawnSync(
    program,
    [...before, main, ...args, ...settings.flatMap((setting) => ['--set', setting])],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  const lines = readFileSync(path.join(out, 'log.jsonl'), 'utf8').trim().split('\n');
  return Math.max(...lines.map((line) => JSON.parse(line).images_per_second ?? 0));
}

try {
  /** @type {Record<string, number>} */
  const best = {};
  for (let round = 0; round < Number(rounds); round++)
    for (const name of Object.keys(variants)) best[name] = Math.max(best[name] ?? 0, measure(name));
  for (const [name, rate] of Object.entries(best))
    console.log(
      `${name.padEnd(20)} ${rate.toFixed(2)} images/s, ${(rate / best['one thread']).toFixed(2)} times one thread`,
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
