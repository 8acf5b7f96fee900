import type { FaceItem } from '../state/photo-item.ts';
import type { Words } from '../words/words.ts';

export interface FaceStateText {
  readonly kind: 'waiting' | 'restored' | 'alone' | 'out';
  readonly text: string;
}

/** What became of a face, and why. */
export function stateOfFace({ wanted, small, result, force }: FaceItem, { face }: Words): FaceStateText {
  if (!wanted) return { kind: 'out', text: small && !result ? face.small : face.leftOut };
  if (result?.after) return { kind: 'restored', text: face.restored };
  if (result && !force) return { kind: 'alone', text: face.sharp };
  return { kind: 'waiting', text: face.waiting };
}
