// A part of the sentence shows the facts that it rests on: it opens their table, marks them and goes to the first.
const show = async (event) => {
  const part = event.target.closest('.sk-rests');
  if (!part || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
  event.preventDefault();
  const rows = () => document.querySelectorAll('#evidence_table [data-fact]');
  const visible = () => { const first = rows()[0]; return first && first.getClientRects().length > 0; };
  if (!visible()) document.querySelector('#evidence_facts button').click();
  for (let tries = 0; tries < 40 && !visible(); tries++) await new Promise((wait) => setTimeout(wait, 50));
  const facts = new Set(part.dataset.facts.split(' '));
  let first = null;
  rows().forEach((fact) => {
    const row = fact.closest('tr');
    row.classList.toggle('sk-lit', facts.has(fact.dataset.fact));
    if (!first && facts.has(fact.dataset.fact)) first = row;
  });
  if (first) { first.tabIndex = -1; first.focus({preventScroll: true}); first.scrollIntoView({block: 'center'}); }
};
element.addEventListener('click', show);
element.addEventListener('keydown', show);
