/** The words for what the network refused. */

const networkWords: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be resolved: is this machine online?',
  EAI_AGAIN: 'its name cannot be resolved: is this machine online?',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'the connection was cut',
  ENETUNREACH: 'the network cannot be reached',
  EHOSTUNREACH: 'it cannot be reached',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'it stopped sending',
  UND_ERR_SOCKET: 'the connection was cut',
};

/** A certificate that is not trusted now will not be in a second. */
const untrusted =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER_CERT(_LOCALLY)?|VERIFY_LEAF_SIGNATURE)|CERT_.*|ERR_TLS_CERT_.*)$/;

/** A machine without a network, or behind a proxy that opens what is encrypted, says so at once; waiting does not help. */
export function isOffline(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENETUNREACH' || untrusted.test(code);
}

/** The cause of a failed request, to follow a colon: `it refuses connections`. Other errors keep their message. */
export function explainNetworkError(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = (inner as NodeJS.ErrnoException | undefined)?.code;
  if (code !== undefined && code in networkWords) return networkWords[code]!;
  if (code !== undefined && untrusted.test(code))
    return `its certificate is not trusted (${(inner as Error).message}); behind a proxy of a company or a school, name the file of its certificate in NODE_EXTRA_CA_CERTS`;
  return inner instanceof Error ? inner.message : String(inner);
}
