import { DOMParser, type Document, XMLSerializer } from '@xmldom/xmldom';
import type { XmlCodec } from '../../../image/file/xmp.ts';

/** XML by xmldom: Node has none of its own. */
export const xmlCodec: XmlCodec<Document> = {
  parse(text) {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== 'warning') throw new SyntaxError(message);
      },
    });
    return parser.parseFromString(text, 'text/xml');
  },
  serialize: (document) => new XMLSerializer().serializeToString(document),
};
