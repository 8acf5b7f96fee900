/** XMP packets: what must change in them when the picture does. */

import { DOMParser, type Element, type Node, XMLSerializer } from '@xmldom/xmldom';

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

interface UpdatedXmp {
  /** undefined: the packet is damaged */
  readonly xmp?: Uint8Array;
  /** what was described in it and is not in the picture any more */
  readonly dropped: readonly string[];
}

/** A copy for an upright picture that stands alone: orientation 1, nothing of pictures or videos beside it. */
export function updateXmp(xmp: Uint8Array): UpdatedXmp {
  const text = new TextDecoder().decode(xmp);
  const known = [...Object.keys(companions), tiffNamespace];
  if (!known.some((namespace) => text.includes(namespace))) return { xmp, dropped: [] };
  const dropped = new Set<string>();
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== 'warning') throw new SyntaxError(message);
      },
    });
    const packet = parser.parseFromString(text.trim(), 'text/xml');
    for (const element of [...packet.getElementsByTagName('*')]) update(element, dropped);
    const updated = new XMLSerializer().serializeToString(packet);
    return { xmp: new TextEncoder().encode(updated), dropped: [...dropped] };
  } catch {
    return { dropped: ['XMP (damaged)'] };
  }
}

function update(element: Element, dropped: Set<string>): void {
  const companion = companions[element.namespaceURI ?? ''];
  if (companion) {
    dropped.add(companion);
    element.parentNode?.removeChild(element);
    return;
  }
  if (isOrientation(element)) element.textContent = '1';
  for (const attribute of [...element.attributes]) {
    const described = companions[attribute.namespaceURI ?? ''] ?? companions[declared(attribute)];
    if (described) {
      if (attribute.namespaceURI !== xmlnsNamespace) dropped.add(described);
      element.removeAttributeNode(attribute);
    } else if (isOrientation(attribute)) attribute.value = '1';
  }
}

const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

/** The namespace that an attribute declares. */
function declared({ namespaceURI, value }: { namespaceURI: string | null; value: string }): string {
  return namespaceURI === xmlnsNamespace ? value : '';
}

function isOrientation({ namespaceURI, localName }: Pick<Node, 'namespaceURI' | 'localName'>): boolean {
  return namespaceURI === tiffNamespace && localName === 'Orientation';
}
