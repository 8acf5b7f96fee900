/** One line of a verification: what was measured, what is allowed. */

type VerifyKind = 'relative error' | 'absolute error' | 'part of the largest gradient' | 'PSNR dB';

export interface VerifyRow {
  readonly name: string;
  readonly measured: number;
  readonly limit: number;
  readonly kind: VerifyKind;
  readonly passed: boolean;
}

/** A row; errors pass at or below the limit, decibels at or above, NaN never. */
export function verifyRow(name: string, measured: number, limit: number, kind: VerifyKind): VerifyRow {
  const passed = kind === 'PSNR dB' ? measured >= limit : measured <= limit;
  return { name, measured, limit, kind, passed };
}
