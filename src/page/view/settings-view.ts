/** Which weights restore, and on what device. */

import type { ModelChoice } from '../bridge/messages.ts';
import type { PageState } from '../state/page-state.ts';
import type { Words } from '../words/words.ts';
import { element, setText } from './element.ts';

/** More than a tab has room for. */
const largeBytes = 2.5e9;

export function createSettingsView(
  state: PageState,
  words: Words,
  onModel: (model: ModelChoice) => void,
): HTMLElement {
  const { settings } = words;
  const folder = element('input', {
    type: 'file',
    id: 'folder',
    webkitdirectory: true,
    multiple: true,
    attributes: { 'aria-label': settings.folder },
  });
  const url = element('input', {
    type: 'url',
    id: 'url',
    placeholder: 'https://example.org/checkpoint/',
    spellcheck: false,
    attributes: { 'aria-label': settings.url },
  });
  const warning = element('p', { className: 'warning', hidden: true, attributes: { role: 'alert' } });
  const option = (value: ModelChoice['kind'], label: string, hint: string, ...more: Node[]): HTMLElement => {
    const radio = element('input', { type: 'radio', name: 'model', value, checked: value === 'embedded' });
    return element(
      'div',
      { className: 'choice' },
      element('label', {}, radio, label),
      element('p', { className: 'hint' }, hint),
      ...more,
    );
  };
  const form = element(
    'form',
    {},
    element(
      'fieldset',
      {},
      element('legend', {}, settings.model),
      option('embedded', settings.embedded, settings.embeddedHint),
      option('folder', settings.folder, settings.folderHint, folder),
      option('url', settings.url, settings.urlHint, url),
    ),
    warning,
    element('button', { type: 'submit' }, settings.use),
  );
  const warn = (text: string): void => {
    setText(warning, text);
    warning.hidden = text === '';
  };
  form.addEventListener('change', () => {
    const files = [...(folder.files ?? [])];
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const kind = new FormData(form).get('model');
    warn(kind === 'folder' && bytes > largeBytes ? settings.largeModel((bytes / 1e9).toFixed(1)) : '');
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const kind = new FormData(form).get('model');
    if (kind === 'embedded') onModel({ kind });
    else if (kind === 'url' && url.value) onModel({ kind, url: new URL(url.value, document.baseURI).href });
    else if (kind === 'folder') {
      const files = [...(folder.files ?? [])];
      const has = (part: string): boolean =>
        files.some((file) => file.webkitRelativePath.includes(`/${part}/`));
      if (['lcm', 'clip', 'interlcm'].every(has)) onModel({ kind, files });
      else warn(settings.incomplete);
    }
  });
  const device = element('p', { className: 'hint', id: 'device' });
  state.subscribe(() => setText(device, describeDevice(state, words)));
  return element(
    'footer',
    {},
    element('details', { className: 'settings' }, element('summary', {}, settings.title), form),
    device,
  );
}

function describeDevice({ device }: PageState, { device: text }: Words): string {
  if (!device) return '';
  if (device.name === 'WebGPU') return text.webgpu;
  const reasons = [device.without === 'no-adapter' ? text.noAdapter : text.wrongResults];
  if (!device.isolated) reasons.push(text.notIsolated);
  return `${text.wasm(device.threads)}: ${reasons.join('; ')}`;
}
