// Chips show and hide classes; the pointer or the focus on a shape, a chip, a row, a node or a reason lights up all
// places of the same thing. Nothing of it goes back to the server.
const hidden = new Set();
let key = '';
const panel = element.closest('#image_row') || element;
const all = (selector) => panel.querySelectorAll(selector);
const names = () => [...all('.sk-chip[data-class]')].map((chip) => chip.dataset.class);
const apply = () => {
  const figure = element.querySelector('.sk-look');
  if (figure && figure.dataset.key !== key) { key = figure.dataset.key; hidden.clear(); }
  all('svg [data-class]').forEach((o) => o.classList.toggle('sk-off', hidden.has(o.dataset.class)));
  all('.sk-chip').forEach((c) => c.setAttribute('aria-pressed',
    c.dataset.class === undefined ? hidden.size === 0 : !hidden.has(c.dataset.class)));
};
panel.addEventListener('click', (event) => {
  const chip = event.target.closest && event.target.closest('.sk-chip');
  if (!chip) return;
  const name = chip.dataset.class;
  if (name === undefined) { if (hidden.size) hidden.clear(); else names().forEach((n) => hidden.add(n)); }
  else if (hidden.has(name)) hidden.delete(name); else hidden.add(name);
  apply();
});
let lit = null;
const numbers = (o) => (o.dataset.number || '').split(' ').filter(Boolean);
const light = (at) => {
  if (at === lit) return;
  lit = at;
  all('.sk-lit').forEach((o) => o.classList.remove('sk-lit'));
  all('.sk-lighting').forEach((o) => o.classList.remove('sk-lighting'));
  if (!at) return;
  const wanted = new Set(numbers(at));
  const belongs = at.dataset.number === undefined ? (o) => o.dataset.class === at.dataset.class
    : wanted.size === 1 ? (o) => numbers(o).includes([...wanted][0])
    : (o) => numbers(o).every((number) => wanted.has(number));
  [...all('[data-number]')].filter(belongs).forEach((o) => o.classList.add('sk-lit'));
  all('svg:has(.sk-lit)').forEach((o) => o.classList.add('sk-lighting'));
};
const place = (event) => event.target.closest && event.target.closest('[data-number], .sk-chip[data-class]');
panel.addEventListener('pointerover', (event) => light(place(event)));
panel.addEventListener('pointerleave', () => light(null));
panel.addEventListener('focusin', (event) => light(place(event)));
panel.addEventListener('focusout', () => light(null));
// In a group of shapes or rows one can be reached with Tab; the arrows go on from there.
panel.addEventListener('keydown', (event) => {
  const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e6, End: 1e6}[event.key];
  const at = event.target.matches && event.target.matches('[data-number][tabindex]') ? event.target : null;
  if (!by || !at) return;
  event.preventDefault();
  const group = [...at.closest('svg, tbody, ul').querySelectorAll('[data-number][tabindex]:not(.sk-off)')];
  const next = group[Math.min(Math.max(group.indexOf(at) + by, 0), group.length - 1)];
  at.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
watch('value', apply);
