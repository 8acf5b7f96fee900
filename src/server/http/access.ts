/** Who may ask, and how often. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { HttpProblem } from './problem.ts';

/** A client's name and the SHA-256 of its key; keys themselves are kept nowhere. */
export interface ApiKey {
  readonly client: string;
  readonly sha256: Uint8Array;
}

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** @returns a key for the client to keep, and the line for the service's file of keys */
export function createApiKey(client: string): { key: string; line: string } {
  const key = `ilcm_${randomBytes(24).toString('base64url')}`;
  return { key, line: `${client}:${hashOf(key).toString('hex')}` };
}

/**
 * @param text lines of `client:sha256 in hexadecimal`; empty ones and those that begin with # are passed over
 * @throws {SyntaxError} naming the line that is none
 */
export function parseApiKeys(text: string): ApiKey[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (/^\s*(#|$)/.test(line)) return [];
    const match = /^\s*([\w.@-]{1,64}):([0-9a-f]{64})\s*$/.exec(line);
    if (!match) throw new SyntaxError(`line ${i + 1} is not client:sha256`);
    return [{ client: match[1]!, sha256: Buffer.from(match[2]!, 'hex') }];
  });
}

export interface AccessOptions {
  /** Without any, everybody who reaches the service may ask. */
  readonly keys: readonly ApiKey[];
  /** Only this machine reaches the service. */
  readonly loopback: boolean;
  readonly requestsPerMinute: number;
}

export interface Access {
  /**
   * Whose request it is.
   * @param address the other end's
   * @throws {HttpProblem} 401 without a key that counts, 403 from another site, 429 if it comes too often
   */
  admit(request: Request, address: string): Promise<string>;
}

/** Clients are told apart by their key where there are keys, else by their address. */
export function createAccess({ keys, loopback, requestsPerMinute }: AccessOptions): Access {
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 });
  return {
    async admit(request, address) {
      refuseOtherSites(request, loopback && keys.length === 0);
      const client = keys.length > 0 ? clientOf(request, keys) : loopback ? 'local' : address;
      if (loopback && keys.length === 0) return client;
      await limiter.consume(client).catch((refused: RateLimiterRes) => {
        const seconds = Math.ceil(refused.msBeforeNext / 1000);
        throw new HttpProblem(
          'too-many-requests',
          429,
          `${requestsPerMinute} requests a minute are the most`,
          {
            'retry-after': String(seconds),
          },
        );
      });
      return client;
    },
  };
}

/** Every key is compared, each in the same time, so that time tells nothing. */
function clientOf(request: Request, keys: readonly ApiKey[]): string {
  const given = /^Bearer (\S{1,512})$/.exec(request.headers.get('authorization') ?? '')?.[1];
  const hash = hashOf(given ?? '');
  let client: string | undefined;
  for (const key of keys) if (timingSafeEqual(hash, key.sha256)) client = key.client;
  if (given !== undefined && client !== undefined) return client;
  throw new HttpProblem('unauthorized', 401, 'send a key: Authorization: Bearer …', {
    'www-authenticate': 'Bearer',
  });
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * A page of another site must not use a service that only this machine reaches: neither from its own address, nor by a
 * name of its own that leads here.
 */
function refuseOtherSites(request: Request, byNameToo: boolean): void {
  const host = request.headers.get('host') ?? '';
  const origin = request.headers.get('origin');
  const isForeign =
    (origin !== null && (!URL.canParse(origin) || new URL(origin).host !== host)) ||
    (byNameToo && !loopbackNames.has(host.replace(/:\d+$/, '')));
  if (isForeign)
    throw new HttpProblem(
      'cross-site',
      403,
      'ask from this machine, by localhost, or from the page that is served here',
    );
}
