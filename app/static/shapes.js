// The form of the chosen shape: one field an anchor or relation, each with the proposals that the question box has.
const form = () => element.querySelector('.sk-fill');
const fields = () => element.querySelector('.sk-fields');
const said = (words) => { form().querySelector('.sk-said').textContent = words; };
const graph = () => (document.querySelector('#graph_note [data-graph]') || {dataset: {}}).dataset.graph;
const chosen = () => element.querySelector('[name=sk-shape]:checked');
const inputs = (kind) => [...fields().querySelectorAll(`[data-completes=${kind}]`)]
  .sort((one, other) => one.dataset.number - other.dataset.number);

function lay(radio) {
  form().hidden = false;
  fields().replaceChildren(...radio.dataset.fields.split('|').map((told) => {
    const [kind, number, words] = told.split('/');
    const label = document.createElement('label'), input = document.createElement('input');
    label.className = `sk-field sk-field-${kind}`;
    label.textContent = words;
    input.type = 'text'; input.dataset.completes = kind; input.dataset.number = number; input.maxLength = 300;
    input.placeholder = kind === 'entity' ? 'a name' : 'a relation, or ~relation for its inverse';
    label.append(input);
    return label;
  }));
  said('');
}
async function ask(call, wanted) {
  if (!wanted.graph) {
    said('No graph is open yet: wait until it is, or choose another one above.');
    return null;
  }
  try {
    const got = await call(wanted);
    if (got.error) said(got.error);
    return got.error ? null : got;
  } catch (error) {
    said('The server does not answer: is it still running? Try again.');
    return null;
  }
}
element.addEventListener('change', (event) => { if (event.target.name === 'sk-shape') lay(event.target); });
element.addEventListener('click', async (event) => {
  if (!event.target.closest('[data-example]') || !chosen()) return;
  said('Looking for an example …');
  const got = await ask(server.shape_names, {graph: graph(), shape: chosen().value});
  if (!got) return;
  inputs('entity').forEach((input, at) => { input.value = got.anchors[at]; });
  inputs('relation').forEach((input, at) => { input.value = got.relations[at]; });
  await write();
});
element.addEventListener('submit', async (event) => { event.preventDefault(); await write(); });
async function write() {
  const anchors = inputs('entity').map((input) => input.value), relations = inputs('relation').map((i) => i.value);
  const got = await ask(server.fill_shape, {graph: graph(), shape: chosen().value, anchors, relations});
  if (!got) return;
  const box = document.querySelector('#question textarea');
  box.value = got.query;
  box.dispatchEvent(new Event('input', {bubbles: true}));
  said('The query stands in the box above: press Ask.');
}
