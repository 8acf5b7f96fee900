/** A page to try the service: a photo, its options, what comes back. It works offline, as everything here does. */

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>InterLCM service</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<main>
<h1>InterLCM service</h1>
<p>What can be asked is described in <a href="/openapi.json">openapi.json</a>.</p>
<form>
  <label>Photo <input type="file" name="photo" accept="image/*" required></label>
  <label>Key, if the service asks for one <input type="password" name="key" autocomplete="off"></label>
  <fieldset><legend>Options; empty ones are left out</legend><div id="options"></div></fieldset>
  <p><button>Restore</button> <output role="status"></output></p>
  <progress max="1" value="0" hidden></progress>
</form>
<section hidden><h2>Result</h2><img alt="The restored photo"><p><a download>Save it</a></p></section>
<h2>Requests</h2>
<table><tbody></tbody></table>
</main>
<script type="module" src="/docs/script.js"></script>
</body>
</html>
`;

const style = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
label { display: block; margin: .6rem 0 }
#options { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .2rem 1rem }
#options input, #options select { width: 100%; box-sizing: border-box }
small { display: block; opacity: .75 }
img { max-width: 100% }
td { padding: .2rem .8rem .2rem 0; vertical-align: top }
`;

const script = `const api = await (await fetch('/openapi.json')).json();
const form = document.querySelector('form');
const said = document.querySelector('output');
const bar = document.querySelector('progress');
const result = document.querySelector('section');
for (const { name, in: place, schema, description } of api.paths['/v1/restorations'].post.parameters) {
  if (place !== 'query') continue;
  const label = document.createElement('label');
  const choices = schema.enum;
  const input = document.createElement(choices ? 'select' : 'input');
  input.name = name;
  if (choices) input.append(new Option('', ''), ...choices.map((choice) => new Option(choice, choice)));
  const small = document.createElement('small');
  small.textContent = description ?? schema.description ?? '';
  label.append(name, input, small);
  document.querySelector('#options').append(label);
}
for (const [path, methods] of Object.entries(api.paths))
  for (const [method, { summary }] of Object.entries(methods)) {
    const row = document.querySelector('tbody').insertRow();
    const code = document.createElement('code');
    code.textContent = method.toUpperCase() + ' ' + path;
    row.insertCell().append(code);
    row.insertCell().textContent = summary;
  }
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const key = data.get('key');
  const photo = data.get('photo');
  const query = new URLSearchParams();
  for (const [name, value] of data) if (typeof value === 'string' && value !== '' && name !== 'key') query.set(name, value);
  const headers = key ? { authorization: 'Bearer ' + key } : {};
  const ask = async (path, init = {}) => {
    const answer = await fetch(path, { ...init, headers });
    if (answer.ok) return answer;
    const problem = await answer.json();
    throw new Error(problem.title + ': ' + problem.detail);
  };
  result.hidden = true;
  bar.hidden = false;
  try {
    said.textContent = 'sending';
    let job = await (await ask('/v1/restorations?' + query, { method: 'POST', body: photo })).json();
    while (job.status === 'queued' || job.status === 'running') {
      said.textContent = job.progress.label;
      bar.value = job.progress.fraction;
      await new Promise((resolve) => setTimeout(resolve, 300));
      job = await (await ask(job.links.self)).json();
    }
    if (job.problem) throw new Error(job.problem.title + ': ' + job.problem.detail);
    const picture = URL.createObjectURL(await (await ask(job.result.href)).blob());
    result.querySelector('img').src = picture;
    result.querySelector('a').href = picture;
    result.querySelector('a').download = 'restored-' + photo.name;
    result.hidden = false;
    said.textContent = [job.faces ? job.faces.length + (job.faces.length === 1 ? ' face' : ' faces') : 'one aligned face', ...job.notes].join('; ');
  } catch (error) {
    said.textContent = error.message;
  } finally {
    bar.hidden = true;
  }
});
`;

/** By path. */
export const tryPage: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  '/docs': { type: 'text/html; charset=utf-8', text: html },
  '/docs/style.css': { type: 'text/css; charset=utf-8', text: style },
  '/docs/script.js': { type: 'text/javascript; charset=utf-8', text: script },
};
