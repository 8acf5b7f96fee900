import type { CallEvent } from '../bridge/messages.ts';

/** How a call is stopped, and whom it tells how far it is. */
export interface CallTools {
  readonly signal: AbortSignal;
  readonly onEvent: (event: CallEvent) => void;
}
