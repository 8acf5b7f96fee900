import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeIssues, isSchemaError } from './schema-issues.ts';

const schema = z.object({ losses: z.record(z.string(), z.object({ weight: z.number() })), steps: z.int() });
const errorOf = (json: unknown): z.ZodError => schema.safeParse(json).error!;

it('names what is wrong in one line, and how much more is', () => {
  expect(describeIssues(errorOf({ losses: { l1: { weight: 'much' } }, steps: 1 }))).toBe(
    'losses.l1.weight: Invalid input: expected number, received string',
  );
  expect(describeIssues(errorOf([]), 'value')).toMatch(/^value: [^\n]*object[^\n]*$/);
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`loss${i}`, {}]));
  expect(describeIssues(errorOf({ losses: many, steps: 1 }))).toMatch(
    /^losses\.loss0\.weight: .*; and 7 more$/,
  );
});

it('knows the errors of schemas from others', () => {
  expect(isSchemaError(errorOf(1))).toBe(true);
  expect(isSchemaError(new SyntaxError('no JSON'))).toBe(false);
});
