/** What a published file is, and what is published together. */

/** One published file. */
export interface ReleasedFile {
  /** its place in a checkpoint folder, with `/` */
  readonly path: string;
  /** `hf:OWNER/NAME/PATH` on the Hugging Face hub, or a URL; in the order to try */
  readonly sources: readonly string[];
  /** about how large */
  readonly aboutBytes: number;
  /** exactly how large, where known */
  readonly bytes?: number;
  /** 64 lower-case hexadecimal digits, where known */
  readonly sha256?: string;
  /**
   * what copies of the file have, where the publisher's own digest was not seen: a hint, no proof. `…` stands for digits
   * that are not known
   */
  readonly likelySha256?: string;
  /**
   * the same weights in half precision; the same place in the folder but for the name. Without sources they are not
   * published, and are taken where they are there or a mirror has them
   */
  readonly half?: { readonly path: string; readonly sources: readonly string[] };
}

export interface Licence {
  readonly name: string;
  readonly url: string;
  /** what it allows and forbids, in one line */
  readonly terms: string;
}

/** What is published together, under one licence. */
export interface ReleasedPart {
  /** e.g. 'LCM Dreamshaper v7' */
  readonly title: string;
  readonly origin: string;
  readonly licence: Licence;
  readonly files: readonly ReleasedFile[];
}

/** What a user asks for by name. */
export interface Release {
  readonly name: string;
  readonly description: string;
  readonly parts: readonly ReleasedPart[];
  /** kept beside the files when faces are restored, by `--memory`: transformed weights, as measured */
  readonly transformedBytes?: { readonly fast: number; readonly balanced: number; readonly low: number };
}

/** Whether a digest has the digits that are known of another, in which `…` stands for the others. */
export function matchesDigest(sha256: string, known: string): boolean {
  const [beginning = '', end] = known.split('…');
  return end === undefined ? sha256 === known : sha256.startsWith(beginning) && sha256.endsWith(end);
}
