/** XMP packets: what must change in them when the picture does. */

/** Namespaces that describe what lies beside the picture in its file, and what that is. */
const companions: Readonly<Record<string, string>> = {
  'http://ns.google.com/photos/1.0/camera/': 'motion photo',
  'http://ns.google.com/photos/1.0/container/': 'motion photo or gain map',
  'http://ns.google.com/photos/1.0/container/item/': 'motion photo or gain map',
  'http://ns.google.com/photos/1.0/image/': 'second image',
  'http://ns.google.com/photos/1.0/depthmap/': 'depth map',
  'http://ns.google.com/photos/dd/1.0/device/': 'depth map',
  'http://ns.adobe.com/hdr-gain-map/1.0/': 'HDR gain map',
  'http://ns.apple.com/HDRGainMap/1.0/': 'HDR gain map',
  'http://ns.apple.com/pixeldatainfo/1.0/': 'second image',
  'http://ns.adobe.com/xmp/note/': 'extended XMP',
};
const tiffNamespace = 'http://ns.adobe.com/tiff/1.0/';

interface XmlAttribute {
  readonly namespaceURI: string | null;
  readonly localName: string | null;
  value: string;
}

interface XmlElement {
  readonly namespaceURI: string | null;
  readonly localName: string | null;
  readonly attributes: Iterable<XmlAttribute>;
  readonly parentNode: { removeChild(child: never): unknown } | null;
  textContent: string | null;
  removeAttributeNode(attribute: never): unknown;
}

interface XmlDocument {
  getElementsByTagName(name: '*'): Iterable<XmlElement>;
}

/** What reads and writes XML here: a browser's own, or a library's. */
export interface XmlCodec<Document extends XmlDocument = XmlDocument> {
  /** @throws {SyntaxError} if it is damaged */
  parse(text: string): Document;
  serialize(document: Document): string;
}

export interface UpdatedXmp {
  /** undefined: the packet is damaged */
  readonly xmp?: Uint8Array;
  /** what was described in it and is not in the picture any more */
  readonly dropped: readonly string[];
}

/** A copy for an upright picture that stands alone: orientation 1, nothing of pictures or videos beside it. */
export function updateXmp<Document extends XmlDocument>(
  xmp: Uint8Array,
  codec: XmlCodec<Document>,
): UpdatedXmp {
  const text = new TextDecoder().decode(xmp);
  const known = [...Object.keys(companions), tiffNamespace];
  if (!known.some((namespace) => text.includes(namespace))) return { xmp, dropped: [] };
  const dropped = new Set<string>();
  try {
    const packet = codec.parse(text.trim());
    for (const element of [...packet.getElementsByTagName('*')]) update(element, dropped);
    return { xmp: new TextEncoder().encode(codec.serialize(packet)), dropped: [...dropped] };
  } catch {
    return { dropped: ['XMP (damaged)'] };
  }
}

function update(element: XmlElement, dropped: Set<string>): void {
  const companion = companions[element.namespaceURI ?? ''];
  if (companion) {
    dropped.add(companion);
    element.parentNode?.removeChild(element as never);
    return;
  }
  if (isOrientation(element)) element.textContent = '1';
  for (const attribute of [...element.attributes]) {
    const described = companions[attribute.namespaceURI ?? ''] ?? companions[declared(attribute)];
    if (described) {
      if (attribute.namespaceURI !== xmlnsNamespace) dropped.add(described);
      element.removeAttributeNode(attribute as never);
    } else if (isOrientation(attribute)) attribute.value = '1';
  }
}

const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

/** The namespace that an attribute declares. */
function declared({ namespaceURI, value }: XmlAttribute): string {
  return namespaceURI === xmlnsNamespace ? value : '';
}

function isOrientation({ namespaceURI, localName }: Omit<XmlAttribute, 'value'>): boolean {
  return namespaceURI === tiffNamespace && localName === 'Orientation';
}
