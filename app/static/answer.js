// A part of the sentence shows the facts that it rests on: it opens their table, marks them and goes to the first.
const show = (event) => {
  const part = event.target.closest('.sk-rests');
  if (!part || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
  event.preventDefault();
  const folded = document.querySelector('#evidence_facts');
  if (folded) folded.open = true;
  const facts = new Set(part.dataset.facts.split(' '));
  let first = null;
  document.querySelectorAll('#evidence_table [data-fact]').forEach((fact) => {
    const row = fact.closest('tr');
    row.classList.toggle('sk-lit', facts.has(fact.dataset.fact));
    if (!first && facts.has(fact.dataset.fact)) first = row;
  });
  if (first) { first.tabIndex = -1; first.focus({preventScroll: true}); first.scrollIntoView({block: 'center'}); }
};
element.addEventListener('click', show);
element.addEventListener('keydown', show);

// The table is sorted and lengthened by the server, which has all the answers.
const said = (words) => { const line = element.querySelector('.sk-said'); if (line) line.textContent = words; };
let sorting = {by: '', descending: false, shown: 100};
watch('value', () => { sorting = {by: '', descending: false, shown: 100}; });
const answered = () => element.querySelector('.sk-answer');
async function rows(change, again) {
  const shown = answered(), {graph, query, least} = shown.dataset, frame = shown.querySelector('.sk-rows');
  const wanted = {...sorting, ...change};
  frame.setAttribute('aria-busy', 'true');
  try {
    const got = await server.answer_rows({graph, query, least, ...wanted});
    if (shown !== answered()) return;
    if (got.error) return said(got.error);
    const top = change.shown ? frame.querySelector('.sk-scroll').scrollTop : 0;
    frame.innerHTML = got.table;
    sorting = wanted;
    frame.querySelector('.sk-scroll').scrollTop = top;
    (frame.querySelector(again) || frame.querySelector('.sk-scroll')).focus({preventScroll: true});
  } catch (error) {
    said('The server does not answer: is it still running? Try again.');
  } finally {
    frame.removeAttribute('aria-busy');
  }
}
async function file(form) {
  const {graph, query, least} = answered().dataset;
  said('Writing the file …');
  try {
    const got = await server.answer_file({graph, query, least, form});
    if (got.error) return said(got.error);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([got.text], {type: form === 'csv' ? 'text/csv' : 'application/json'}));
    link.download = got.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    said(`Saved as ${got.name}`);
  } catch (error) {
    said('The server does not answer: is it still running? Try again.');
  }
}
async function copy(button) {
  const model = document.querySelector('#run_llm input').checked ? 'lark' : 'exact';
  const link = `${location.origin}${location.pathname}?${button.dataset.link}&method=${model}`;
  history.replaceState(history.state, '', link);
  try {
    await navigator.clipboard.writeText(link);
    said('The link is copied.');
  } catch (error) {  // a page that is not served over https may not write there
    said('The link stands in the address bar: copy it from there.');
  }
}
// Why an answer is likely is fetched as it is opened.
async function prove(why) {
  if (!why.open || why.dataset.told) return;
  const {graph, query, least} = answered().dataset, box = why.lastElementChild;
  box.textContent = '…';
  try {
    const got = await server.answer_proof({graph, query, least, entity: Number(why.dataset.entity)});
    if (got.error) box.textContent = got.error;
    else { box.innerHTML = got.proof; why.dataset.told = 'yes'; }
  } catch (error) {
    box.textContent = 'The server does not answer: is it still running? Close this and try again.';
  }
}
element.addEventListener('toggle', (event) => { if (event.target.matches('.sk-proof')) prove(event.target); }, true);
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button || !answered()) return;
  const {by, more, form, link} = button.dataset;
  if (by) rows({by, descending: sorting.by === by && !sorting.descending}, `[data-by="${by}"]`);
  else if (more) rows({shown: Number(more)}, '[data-more]');
  else if (form) file(form);
  else if (link) copy(button);
});
