import type { XmlCodec } from '../../image/file/xmp.ts';

/** XML by the browser, which workers have not. */
export const xmlCodec: XmlCodec<XMLDocument> = {
  parse(text) {
    const document = new DOMParser().parseFromString(text, 'text/xml');
    const error = document.querySelector('parsererror');
    if (error) throw new SyntaxError(error.textContent ?? 'it is no XML');
    return document;
  },
  serialize: (document) => new XMLSerializer().serializeToString(document),
};
