/**
 * Whether jobs are lost, or done twice to anybody's eye, while workers are killed -9 at random: one service, two workers,
 * a queue on Redis, a model so small that the queue is what is worked.
 *
 *     node bench/kills.js [JOBS] [KILL_EVERY_SECONDS]
 *
 * Needs redis-server. 200 jobs, and about 10 seconds, unless given.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFormulaCheckpoint } from '../dist/platform/node/model/formula-checkpoint.js';
import { microSpec } from '../dist/verify/formula.js';

const [jobsText = '200', everyText = '10'] = process.argv.slice(2);
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const photo = readFileSync(new URL('../examples/face-low.png', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'interlcm-kills-'));
const model = path.join(folder, 'model');
/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RegExp} until what it says once it is there
 */
function start(command, args, until) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let said = '';
  /** @type {Promise<RegExpExecArray>} */
  const ready = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        said = (said + text).slice(-4000);
        const found = until.exec(said);
        if (found) resolve(found);
      });
    child.once('exit', (code) => {
      children.delete(child);
      reject(new Error(`${command} ended with ${code}: ${said}`));
    });
  });
  ready.catch(() => undefined); // workers are killed before they are ready, too
  return { child, ready };
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(address.port));
    });
  });
}

/** @typedef {{ id: string, status: string, finishedAt?: string }} Job */

try {
  await makeFormulaCheckpoint(microSpec, model);
  const port = await freePort();
  await start('redis-server', ['--port', String(port), '--save', '', '--dir', folder], /Ready to accept/i)
    .ready;
  const shared = ['--redis', `redis://127.0.0.1:${port}`, '--data', path.join(folder, 'data')];
  const work = () =>
    start(process.execPath, [main, 'work', ...shared, '--checkpoint', model, '--threads', '1'], /Working/);
  const limits = ['--max-pending', '10000', '--max-queued', '10000'];
  const [, url] = await start(
    process.execPath,
    [main, 'serve', '--port', '0', '--accept-only', ...limits, ...shared],
    /Restoring at (\S+)/,
  ).ready;
  /** @param {string} id @returns {Promise<Job>} */
  const look = async (id) => (await fetch(`${url}/v1/restorations/${id}`)).json();
  const started = performance.now();
  /** @type {string[]} */
  const ids = [];
  for (let seed = 0; seed < Number(jobsText); seed++) {
    const answer = await fetch(`${url}/v1/restorations?aligned=true&force=true&seed=${seed}`, {
      method: 'POST',
      body: photo,
    });
    if (answer.status !== 202) throw new Error(`a job was answered with ${answer.status}`);
    ids.push(/** @type {Job} */ (await answer.json()).id);
  }
  const workers = [work(), work()];
  let kills = 0;
  let killAt = performance.now() + 1000 * Number(everyText);
  /** @type {Map<string, string>} when each was finished, as was said first */
  const ends = new Map();
  let failed = 0;
  while (ends.size < ids.length) {
    if (performance.now() > killAt) {
      const victim = Math.floor(Math.random() * workers.length);
      workers[victim]?.child.kill('SIGKILL');
      workers[victim] = work();
      kills++;
      killAt = performance.now() + 1000 * Number(everyText) * (0.5 + Math.random());
    }
    for (const id of ids.filter((one) => !ends.has(one)).slice(0, 20)) {
      const { status, finishedAt = '' } = await look(id);
      if (status === 'failed') failed++;
      if (status === 'done' || status === 'failed') ends.set(id, finishedAt);
    }
    await sleep(200);
  }
  const seconds = (performance.now() - started) / 1000;
  // Whoever was taken for dead has been given up for long by then.
  await sleep(20_000);
  let again = 0;
  let withoutResult = 0;
  for (const id of ids) {
    const { finishedAt } = await look(id);
    if (finishedAt !== ends.get(id)) again++;
    if ((await fetch(`${url}/v1/restorations/${id}/result`)).status !== 200) withoutResult++;
  }
  console.log(
    `${ids.length} jobs in ${seconds.toFixed(0)} s, ${kills} workers killed: ${ends.size - failed} done, ${failed} failed, ${withoutResult} without a result, ${again} finished twice`,
  );
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
