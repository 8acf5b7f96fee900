/**
 * How the service bears work: photos a minute beside the command line's, how soon it answers meanwhile, its memory, what
 * hostile requests get, and whether jobs are lost while the processes that restore are killed at random.
 *
 *     node bench/service.js PHOTO [JOBS] [KILL_EVERY_SECONDS]
 *
 * JOBS: 40 unless given. KILL_EVERY_SECONDS: 0 (never) unless given; a killed process loses the job under way by
 * design, so the service itself is killed, and started again.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const [photo, jobsText = '40', killText = '0'] = process.argv.slice(2);
if (!photo) throw new Error('Usage: node bench/service.js PHOTO [JOBS] [KILL_EVERY_SECONDS]');
const bytes = readFileSync(photo);
const jobs = Number(jobsText);
const killEverySeconds = Number(killText);
const folder = mkdtempSync(path.join(tmpdir(), 'interlcm-bench-'));
const port = 8799;
const url = `http://127.0.0.1:${port}`;

/** @returns {Promise<import('node:child_process').ChildProcess>} */
function start() {
  const child = spawn(
    process.execPath,
    [
      main,
      'serve',
      '--port',
      String(port),
      '--data',
      path.join(folder, 'data'),
      '--max-pending',
      '1000',
      '--max-queued',
      '1000',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return new Promise((resolve, reject) => {
    child.stderr.on('data', (text) => String(text).includes('Restoring at') && resolve(child));
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}

/** @param {number} pid */
const residentMegabytes = (pid) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function commandLine() {
  const started = performance.now();
  execFileSync(process.execPath, [main, 'restore', photo, '-o', path.join(folder, 'out'), '--force'], {
    stdio: 'ignore',
  });
  return (performance.now() - started) / 1000;
}

async function load() {
  let child = await start();
  /** @type {string[]} */
  const ids = [];
  for (let i = 0; i < jobs; i++) {
    const answer = await fetch(`${url}/v1/restorations?seed=${i}&force=true`, {
      method: 'POST',
      body: bytes,
    });
    ids.push(/** @type {{ id: string }} */ (await answer.json()).id);
  }
  const started = performance.now();
  const memory = [residentMegabytes(/** @type {number} */ (child.pid))];
  /** @type {number[]} */
  const latencies = [];
  let kills = 0;
  let killAt = killEverySeconds > 0 ? performance.now() + 1000 * killEverySeconds : Number.POSITIVE_INFINITY;
  /** @type {Map<string, string>} */
  const ends = new Map();
  while (ends.size < ids.length) {
    if (performance.now() > killAt) {
      await new Promise((resolve) => {
        child.removeAllListeners('exit');
        child.once('exit', resolve);
        child.kill('SIGKILL');
      });
      kills++;
      child = await start();
      killAt = performance.now() + 1000 * killEverySeconds * (0.5 + Math.random());
    }
    const asked = performance.now();
    await fetch(`${url}/healthz`);
    latencies.push(performance.now() - asked);
    for (const id of ids.filter((one) => !ends.has(one)).slice(0, 3)) {
      const job = /** @type {{ status: string }} */ (
        await (await fetch(`${url}/v1/restorations/${id}`)).json()
      );
      if (job.status === 'done' || job.status === 'failed') ends.set(id, job.status);
    }
    memory.push(residentMegabytes(/** @type {number} */ (child.pid)));
    await sleep(200);
  }
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const done = [...ends.values()].filter((end) => end === 'done').length;
  console.log(
    `${done} of ${jobs} done, ${jobs - done} failed, ${kills} kills; ${((60 * jobs) / seconds).toFixed(1)} photos a minute`,
  );
  console.log(
    `/healthz meanwhile: median ${latencies[latencies.length >> 1]?.toFixed(1)} ms, slowest ${latencies.at(-1)?.toFixed(1)} ms`,
  );
  console.log(
    `memory of the process that answers: ${memory[0]} MB at first, ${Math.max(...memory)} MB at most, ${memory.at(-1)} MB at last`,
  );
  return child;
}

async function hostile() {
  const cannon = await autocannon({
    url: `${url}/v1/restorations`,
    method: 'POST',
    body: 'x',
    amount: 10_000,
    connections: 50,
  });
  console.log(
    `10,000 tiny requests: ${cannon.statusCodeStats ? JSON.stringify(Object.fromEntries(Object.entries(cannon.statusCodeStats).map(([code, { count }]) => [code, count]))) : ''}, ${cannon.requests.average} a second, ${cannon.errors} errors`,
  );
  const slow = await new Promise((resolve) => {
    const started = performance.now();
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('POST /v1/restorations HTTP/1.1\r\nHost: 127.0.0.1'),
    );
    socket.on('close', () => resolve((performance.now() - started) / 1000));
    socket.on('data', () => undefined);
    socket.on('error', () => undefined);
  });
  console.log(`headers that never end: closed after ${Number(slow).toFixed(1)} s`);
  for (const [name, headers, body] of /** @type {const} */ ([
    ['a length that lies', { 'content-length': '1000000000' }, 'x'],
    ['a wrong type', { 'content-type': 'multipart/form-data' }, 'x'],
    ['text', {}, 'hello'],
  ])) {
    const status = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        const lines = Object.entries({
          host: '127.0.0.1',
          'content-length': String(body.length),
          ...headers,
        });
        socket.write(
          `POST /v1/restorations HTTP/1.1\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`,
        );
      });
      socket.once('data', (data) => {
        resolve(String(data).split('\r\n')[0]);
        socket.destroy();
      });
      socket.once('error', () => resolve('closed'));
    });
    console.log(`${name}: ${status}`);
  }
  console.log(`after all that: /healthz ${(await fetch(`${url}/healthz`)).status}`);
}

console.log(`command line, one photo from a cold start: ${(await commandLine()).toFixed(1)} s`);
const child = await load();
await hostile();
child.removeAllListeners('exit');
child.kill('SIGKILL');
rmSync(folder, { recursive: true, force: true });
