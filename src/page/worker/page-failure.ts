import type { FailureCode } from '../bridge/messages.ts';

/** A failure that the page has words for; the message is for those who look closer. */
export class PageFailure extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
