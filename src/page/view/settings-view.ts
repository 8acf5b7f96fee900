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
  const service = offeredService();
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
  const key = element('input', {
    type: 'password',
    id: 'service-key',
    autocomplete: 'off',
    placeholder: settings.serviceKey,
    attributes: { 'aria-label': settings.serviceKey },
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
      ...(service
        ? [
            option(
              'service',
              settings.service,
              settings.serviceHint(location.host),
              ...(service === 'key' ? [key] : []),
            ),
          ]
        : []),
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
  const details = element('details', { className: 'settings' }, element('summary', {}, settings.title), form);
  const use = (model: ModelChoice): void => {
    details.open = false;
    onModel(model);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const kind = new FormData(form).get('model');
    if (kind === 'embedded') use({ kind });
    else if (kind === 'service') use({ kind, ...(key.value && { key: key.value }) });
    else if (kind === 'url' && url.value) use({ kind, url: new URL(url.value, document.baseURI).href });
    else if (kind === 'folder') {
      const files = [...(folder.files ?? [])];
      const has = (part: string): boolean =>
        files.some((file) => file.webkitRelativePath.includes(`/${part}/`));
      if (['lcm', 'clip', 'interlcm'].every(has)) use({ kind, files });
      else warn(settings.incomplete);
    }
  });
  document.addEventListener('pointerdown', ({ target }) => {
    if (!details.contains(target as Node)) details.open = false;
  });
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    details.querySelector('summary')?.focus();
  });
  const device = element('p', { className: 'hint', id: 'device' });
  state.subscribe(() => setText(device, describeDevice(state, words)));
  return element('footer', {}, details, device);
}

/** Whether the page was served by a service that restores, and whether that asks for a key. */
function offeredService(): 'open' | 'key' | undefined {
  const { content } =
    document.querySelector<HTMLMetaElement>('meta[name="interlcm-service"]') ?? ({} as { content?: string });
  return content === 'open' || content === 'key' ? content : undefined;
}

function describeDevice({ device }: PageState, { device: text }: Words): string {
  if (!device) return '';
  if (device.name === 'WebGPU') return text.webgpu;
  if (device.name === 'service') return text.service(location.host);
  const reasons = [device.without === 'no-adapter' ? text.noAdapter : text.wrongResults];
  if (!device.isolated) reasons.push(text.notIsolated);
  return `${text.wasm(device.threads)}: ${reasons.join('; ')}`;
}
