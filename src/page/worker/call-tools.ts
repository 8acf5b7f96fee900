import type { UpdatedXmp } from '../../image/file/xmp.ts';
import type { CallEvent } from '../bridge/messages.ts';

/** How a call is stopped, whom it tells how far it is, and what the page does for it. */
export interface CallTools {
  readonly signal: AbortSignal;
  readonly onEvent: (event: CallEvent) => void;
  /** As `updateXmp`, by the page. */
  readonly updateXmp: (xmp: Uint8Array) => Promise<UpdatedXmp>;
}
