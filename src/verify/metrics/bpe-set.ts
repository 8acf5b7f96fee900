import { z } from 'zod';
import { type ClipTokenizer, createClipTokenizer } from '../../models/clip-text/clip-tokenizer.ts';
import { type VerifyRow, verifyRow } from '../report.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';

const caseSchema = z.object({
  text: z.string(),
  ids: z.array(z.number()),
  tokens: z.array(z.number()).optional(),
  truncated: z.boolean().default(false),
});
const bpeSchema = z.object({
  spec: z.object({ length: z.number().int().positive(), tokenizer: z.string().default('tokenizer') }),
  cases: z.array(caseSchema),
});

/** CLIP's tokenizer over a small vocabulary: each text's ids, and the tokens that the text tower gets. */
export const verifyBpeSet: VerifyMetricsSet = async function* (set, { readText }) {
  const { spec, cases } = bpeSchema.parse(set.json);
  const vocabulary = z
    .record(z.string(), z.number())
    .parse(JSON.parse(await readText(`${spec.tokenizer}/vocab.json`)));
  const merges = await readText(`${spec.tokenizer}/merges.txt`);
  const tokenizer = createClipTokenizer({ vocabulary, merges }, { length: spec.length });
  for (const one of cases) yield* verifyCase(tokenizer, one);
};

function* verifyCase(tokenizer: ClipTokenizer, expected: z.infer<typeof caseSchema>): Generator<VerifyRow> {
  const shown = JSON.stringify(expected.text);
  const label = shown.length > 40 ? `${shown.slice(0, 36)}…"` : shown;
  yield differingIds(`ids of ${label}`, tokenizer.encode(expected.text), expected.ids);
  if (!expected.tokens) return;
  const { ids, truncated } = tokenizer.tokens(expected.text);
  yield differingIds(`tokens of ${label}`, ids, expected.tokens);
  if (truncated !== expected.truncated) yield verifyRow(`cut of ${label}`, Number.NaN, 0, 'absolute error');
}

/** How many ids differ, in number or place. */
function differingIds(name: string, actual: readonly number[], expected: readonly number[]): VerifyRow {
  const longest = Math.max(actual.length, expected.length);
  const wrong = Array.from({ length: longest }, (_, i) => actual[i] !== expected[i]).filter(Boolean).length;
  return verifyRow(name, wrong, 0, 'absolute error');
}
