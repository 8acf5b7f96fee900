/** One HTTP answer for a file, from a server that nobody vouches for. */

import type { Readable } from 'node:stream';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';

/** An answer other than the file, or part of it. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  /** undefined if the answer itself was wrong */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** whether another address than the one asked for gave the answer */
  redirected = false;

  constructor(message: string, status?: number, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same question may be answered better a little later. */
  get passes(): boolean {
    return this.status !== undefined && (this.status === 408 || this.status === 429 || this.status >= 500);
  }
}

/** The part of a file that was asked for, or all of it. */
interface FileAnswer {
  /** byte at which `body` starts: 0 when the server does not continue what was there */
  readonly start: number;
  /** of the whole file; undefined if the server does not say */
  readonly totalBytes: number | undefined;
  /** tells this version of the file from others: a strong ETag, or a date */
  readonly validator: string | undefined;
  /** digest of the whole file, where the hub tells it (X-Linked-ETag) */
  readonly sha256: string | undefined;
  readonly body: Readable;
}

export interface Credentials {
  /** e.g. 'https://huggingface.co' */
  readonly origin: string;
  readonly token: string;
}

interface FileQuestion {
  /** bytes that are there already */
  readonly start: number;
  /** the version they are of; without it the server cannot tell whether it still has that version */
  readonly validator?: string;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly credentials?: Credentials;
}

const maxRedirects = 10;
const maxErrorBodyBytes = 64 * 1024;
const longestWaitMs = 120_000;

/**
 * Connections straight, or through the proxies that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name.
 * @throws {Error} if what names a proxy is no address of one
 */
export function createDispatcher(timeoutMs = 30_000): Dispatcher {
  return new EnvHttpProxyAgent({
    httpProxy: proxyAddress('http_proxy'),
    httpsProxy: proxyAddress('https_proxy'),
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
}

/** A proxy is often named without `http://`. */
function proxyAddress(variable: string): string | undefined {
  const name = [variable, variable.toUpperCase()].find((candidate) => process.env[candidate] !== undefined);
  const text = name === undefined ? undefined : process.env[name];
  if (!text) return text;
  const address = text.includes('://') ? text : `http://${text}`;
  if (httpUrl(address)) return address;
  throw new Error(
    `Cannot go through the proxy that ${name} names: its address begins with http:// or https://`,
  );
}

/**
 * Asks for a file, from byte `start` on. Follows redirects, to HTTP servers only and never from HTTPS to HTTP.
 * @throws {HttpError} if the answer is none; what the network reports otherwise
 */
export async function askForFile(url: string, question: FileQuestion): Promise<FileAnswer> {
  const { start, validator, dispatcher, signal, credentials } = question;
  // Compressed transfers have other lengths and offsets than the file.
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'interlcm' };
  if (start > 0) {
    headers['range'] = `bytes=${start}-`;
    if (validator !== undefined) headers['if-range'] = validator;
  }
  let sha256: string | undefined;
  let current = httpUrl(url);
  if (!current) throw new HttpError('it is no http or https address');
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const authorized = current.origin === credentials?.origin;
    const answer = await request(current, {
      headers: authorized ? { ...headers, authorization: `Bearer ${credentials.token}` } : headers,
      dispatcher,
      signal,
    });
    const header = (name: string): string | undefined => [answer.headers[name]].flat()[0];
    sha256 ??= /^"?([0-9a-f]{64})"?$/.exec(header('x-linked-etag') ?? '')?.[1];
    const location = header('location');
    if (answer.statusCode >= 300 && answer.statusCode < 400 && location !== undefined) {
      await discard(answer.body);
      current = redirect(current, location);
      continue;
    }
    try {
      return { ...readAnswer(answer.statusCode, header, start), sha256, body: answer.body };
    } catch (error) {
      await discard(answer.body);
      if (error instanceof HttpError) error.redirected = hops > 0;
      throw error;
    }
  }
  throw new HttpError(`it redirects more than ${maxRedirects} times`);
}

async function discard(body: Dispatcher.ResponseData['body']): Promise<void> {
  await body.dump({ limit: maxErrorBodyBytes }).catch(() => undefined);
}

function httpUrl(text: string, base?: URL): URL | undefined {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}

function redirect(from: URL, location: string): URL {
  const to = httpUrl(location, from);
  if (!to)
    throw new HttpError(
      `it redirects to ${JSON.stringify(location.slice(0, 200))}, which is no http or https address`,
    );
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw new HttpError(`it redirects from https to http (${to.host})`);
  return to;
}

function readAnswer(
  status: number,
  header: (name: string) => string | undefined,
  start: number,
): Omit<FileAnswer, 'body' | 'sha256'> {
  if (status !== 200 && status !== 206)
    throw new HttpError(
      `the server answers ${status}${meaning(status)}`,
      status,
      readRetryAfter(header('retry-after')),
    );
  const encoding = header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') throw new HttpError(`the server sends the file compressed (${encoding})`);
  if (/^text\/html|^application\/xhtml/i.test(header('content-type') ?? ''))
    throw new HttpError('the server answers with a web page instead of the file');
  const validator = strongValidator(header('etag'), header('last-modified'));
  const length = wholeNumber(header('content-length'));
  if (status === 200) return { start: 0, totalBytes: length, validator };
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header('content-range') ?? '');
  if (!range || Number(range[1]) !== start)
    throw new HttpError('the server sends another part of the file than the one asked for');
  return { start, totalBytes: wholeNumber(range[3]), validator };
}

function meaning(status: number): string {
  if (status === 401 || status === 403)
    return ' (it does not allow it; of a gated file on the hub, set HF_TOKEN to a token of an account that may have it)';
  if (status === 404 || status === 410) return ' (it has no such file)';
  return status === 416 ? ' (it has no more bytes than are there already)' : '';
}

/** A weak ETag (`W/…`) does not promise equal bytes, and If-Range must not carry one. */
function strongValidator(etag: string | undefined, modified: string | undefined): string | undefined {
  if (etag?.startsWith('"')) return etag;
  return modified;
}

function wholeNumber(text: string | undefined): number | undefined {
  const value = /^\d+$/.test(text ?? '') ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function readRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = wholeNumber(text);
  const ms = seconds === undefined ? Date.parse(text) - Date.now() : 1000 * seconds;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs);
}
