// Proposals below a field while a name is typed into it: arrow keys choose, Enter or Tab takes, Escape closes.
const WAIT = 110;
const list = element.querySelector('[role=listbox]'), live = element.querySelector('[role=status]');
let field = null, got = null, active = -1, turn = 0, timer = 0;

const asked = (target) => {
  if (!target || !target.matches) return null;
  if (target.matches('#question textarea')) return 'query';
  return target.matches('input[data-completes]') ? target.dataset.completes : null;
};
const graph = () => (document.querySelector('#graph_note [data-graph]') || {dataset: {}}).dataset.graph;
function close() {
  turn += 1; clearTimeout(timer);
  active = -1; got = null;
  list.hidden = true; list.ariaBusy = 'false'; list.replaceChildren();
  live.textContent = '';
  if (field) field.removeAttribute('aria-activedescendant');
}
function prepare(target) {
  field = target;
  field.setAttribute('autocomplete', 'off');
  field.setAttribute('aria-autocomplete', 'list');
  field.setAttribute('aria-controls', list.id);
}
async function propose(target) {
  const mine = ++turn, kind = asked(target), key = graph(), text = target.value;
  if (!key || !text.trim()) return close();
  try {
    const found = await server.proposals({graph: key, text, cursor: target.selectionStart, kind});
    if (mine !== turn || document.activeElement !== target || target.value !== text) return;
    if (found.choices) show(target, found);
    else close();
  } catch (error) {
    if (mine === turn) close();  // typing goes on without proposals
  }
}
function show(target, found) {
  // What is there already needs no proposal.
  const there = target.value.slice(found.start, found.end);
  found.choices = found.choices.filter((choice) => choice.insert !== there);
  if (!found.choices.length) return close();
  got = found; active = -1;
  target.removeAttribute('aria-activedescendant');
  list.replaceChildren(...found.choices.map((choice, at) => {
    const option = document.createElement('li');
    option.id = `sk-proposal-${at}`; option.role = 'option'; option.ariaSelected = 'false';
    const name = document.createElement('bdi'), told = document.createElement('span');
    name.textContent = choice.shown; told.textContent = choice.told;
    option.append(name, told);
    return option;
  }));
  list.hidden = false; list.ariaBusy = 'false';
  settle();
  live.textContent = `${found.choices.length} proposals, arrow down to choose`;
}
function settle() {
  const box = field.getBoundingClientRect();
  const wide = Math.min(Math.max(280, Math.min(box.width, 480)), innerWidth - 16);
  list.style.width = `${wide}px`;
  list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - wide - 8))}px`;
  const below = innerHeight - box.bottom;
  list.style.top = below > 200 || below > box.top ? `${box.bottom + 4}px` : `${box.top - list.offsetHeight - 4}px`;
}
function choose(at) {
  const options = [...list.children];
  active = (at + options.length + 1) % (options.length + 1);  // the place behind the last one is no choice
  options.forEach((option, place) => { option.ariaSelected = String(place === active); });
  if (active < options.length) {
    field.setAttribute('aria-activedescendant', options[active].id);
    options[active].scrollIntoView({block: 'nearest'});
  } else {
    active = -1;
    field.removeAttribute('aria-activedescendant');
  }
}
function take(at) {
  const {insert} = got.choices[at], target = field, place = got.start + insert.length;
  const whole = target.value.slice(0, got.start) + insert + target.value.slice(got.end);
  close();
  write(target, whole);
  target.focus();
  target.setSelectionRange(place, place);
}
function write(target, words) {
  target.value = words;
  target.dispatchEvent(new InputEvent('input', {bubbles: true}));
  close();
}
document.addEventListener('input', (event) => {
  if (!asked(event.target)) return;
  prepare(event.target);
  list.ariaBusy = 'true';  // what is proposed was for other words, so that none of it can be taken
  clearTimeout(timer);
  if (event.isTrusted || event.inputType) timer = setTimeout(() => propose(event.target), WAIT);
});
document.addEventListener('keydown', (event) => {
  if (event.target !== field || event.isComposing) return;
  if (event.key === 'Enter' && active < 0) return close();
  if (list.hidden || list.ariaBusy === 'true') return;
  const options = list.children.length;
  if (event.key === 'ArrowDown') choose(active + 1);
  else if (event.key === 'ArrowUp') choose(active < 0 ? options - 1 : active - 1);
  else if ((event.key === 'Enter' || event.key === 'Tab') && active >= 0) take(active);
  else if (event.key === 'Escape') close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
document.addEventListener('focusout', (event) => { if (event.target === field) close(); });
list.addEventListener('pointerdown', (event) => {
  event.preventDefault();  // the field keeps the focus
  const option = event.target.closest('[role=option]');
  if (option && list.ariaBusy !== 'true') take([...list.children].indexOf(option));
});
addEventListener('scroll', (event) => { if (!list.hidden && event.target !== list) settle(); }, true);
addEventListener('resize', () => { if (!list.hidden) settle(); });
