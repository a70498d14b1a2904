// The picture of the evidence: moved, magnified, lit up by neighbour, and asked for anew when an entity is opened.
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const LEAST = 0.93, MOST = 4, STEP = 1.35, EDGE = 24;
let view = null;  // what of the picture is seen: x, y and pixels of the screen a unit of the picture
let opened = [], asking = false, pointers = new Map(), moved = false, pinch = 0;

const figure = () => element.querySelector('.sk-figure');
const canvas = () => element.querySelector('.sk-canvas');
const svg = () => element.querySelector('.sk-canvas > svg');
const size = () => ({w: +svg().getAttribute('width'), h: +svg().getAttribute('height')});
const nodes = () => [...svg().querySelectorAll('[data-key]')];
const place = (node) => node.getAttribute('transform').match(/-?[\d.]+/g).map(Number);

function apply() {
  bound();
  const box = canvas();
  svg().setAttribute('viewBox', `${view.x} ${view.y} ${box.clientWidth / view.k} ${box.clientHeight / view.k}`);
}
function bound() {  // no further from the picture than a margin; what is smaller than its frame stays whole
  const box = canvas(), {w, h} = size(), seen = {w: box.clientWidth / view.k, h: box.clientHeight / view.k};
  const within = (at, seen, whole) => seen >= whole
    ? Math.min(0, Math.max(whole - seen, at)) : Math.max(-EDGE, Math.min(whole - seen + EDGE, at));
  view.x = within(view.x, seen.w, w); view.y = within(view.y, seen.h, h);
  const beyond = [
    view.y > EDGE && 'above', view.x + seen.w < w - EDGE && 'on the right', view.y + seen.h < h - EDGE && 'below',
    view.x > EDGE && 'on the left',
  ].filter((side) => side);
  const told = beyond.length > 1 ? `${beyond.slice(0, -1).join(', ')} and ${beyond.at(-1)}` : beyond[0];
  element.querySelector('.sk-beyond').textContent = told ? `More lies ${told}: drag the picture, or see it whole with ⤢.` : '';
}
function fitting() {
  const box = canvas(), {w, h} = size();
  return Math.min(box.clientWidth / w, box.clientHeight / h, 1);
}
function centre(k) {
  const box = canvas(), {w, h} = size();
  const seen = {w: box.clientWidth / k, h: box.clientHeight / k};
  view = {k, x: seen.w >= w ? (w - seen.w) / 2 : 0, y: seen.h >= h ? (h - seen.h) / 2 : 0};
  apply();
}
function start() {
  opened = []; view = null;
  if (!figure()) return;
  const box = canvas(), {w, h} = size();
  box.style.height = `${Math.round(Math.max(300, Math.min(h * Math.max(LEAST, Math.min(1, box.clientWidth / w)), 560, innerHeight * 0.7)))}px`;
  if (box.clientWidth) centre(Math.max(fitting(), LEAST));
}
function magnify(factor, x, y) {
  const box = canvas().getBoundingClientRect();
  x = x ?? box.width / 2; y = y ?? box.height / 2;
  const k = Math.min(MOST, Math.max(Math.min(fitting(), 1) * 0.8, view.k * factor));
  view = {k, x: view.x + x / view.k - x / k, y: view.y + y / view.k - y / k};
  apply();
}
function light(key, pointed = null) {  // an entity with all its lines, or one line
  const near = new Set([key]);
  svg().querySelectorAll('[data-head]').forEach((line) => {
    const {head, tail} = line.dataset;
    const on = pointed ? head === pointed.dataset.head && tail === pointed.dataset.tail
      : key !== null && (head === key || tail === key);
    line.classList.toggle('sk-lit', on);
    if (on) { near.add(line.dataset.head); near.add(line.dataset.tail); }
  });
  nodes().forEach((node) => node.classList.toggle('sk-lit', near.has(node.dataset.key)));
  svg().classList.toggle('sk-pointing', key !== null || pointed !== null);
}
async function open(key) {
  if (asking || !/^\d+$/.test(key)) return;
  const number = Number(key), wanted = opened.includes(number) ? opened.filter((k) => k !== number) : [...opened, number];
  await redraw(wanted, key);
}
async function redraw(wanted, key) {
  asking = true;
  const shown = figure(), box = canvas(), told = element.querySelector('.sk-told');
  box.setAttribute('aria-busy', 'true');
  try {
    const {graph, query, least} = shown.dataset;
    const got = await server.open_neighbours({graph, query, least, opened: wanted});
    if (shown !== figure()) return;  // another answer has come meanwhile
    if (got.error) { told.textContent = got.error; return; }
    const before = new Map(nodes().map((node) => [node.dataset.key, place(node)]));
    const focused = svg().contains(document.activeElement), old = before.get(key);
    box.innerHTML = got.svg; told.innerHTML = got.told; opened = wanted;
    const now = nodes().find((node) => node.dataset.key === key);
    if (now && old) {  // what was clicked stays where it is
      const [x, y] = place(now);
      view.x += x - old[0]; view.y += y - old[1];
    }
    apply();
    if (now) { stop(now); if (focused) now.focus({preventScroll: true}); light(key); }
    if (!calm()) glide(before, now ? [place(now)[0] - old[0], place(now)[1] - old[1]] : [0, 0]);
  } catch (error) {
    told.textContent = 'The neighbours could not be fetched: is the server still running? Try again.';
  } finally {
    asking = false;
    box.removeAttribute('aria-busy');
  }
}
function glide(before, [dx, dy]) {
  const time = {duration: 280, easing: 'ease-out'};
  for (const node of nodes()) {
    const [x, y] = place(node), from = before.get(node.dataset.key);
    const at = (px, py) => `translate(${px}px, ${py}px)`;
    if (from) node.animate([{transform: at(from[0] + dx, from[1] + dy)}, {transform: at(x, y)}], time);
    else node.animate([{opacity: 0}, {opacity: 1}], {duration: 500});
  }
  svg().querySelectorAll('[data-head]').forEach((line) => line.animate([{opacity: 0}, {}], {duration: 420}));
}
function stop(node) {
  nodes().forEach((other) => other.setAttribute('tabindex', other === node ? 0 : -1));
}
function step(from, dx, dy) {  // the nearest node in the direction of an arrow key
  const [x, y] = place(from);
  let best = null, least = Infinity;
  for (const node of nodes()) {
    const [nx, ny] = place(node), along = (nx - x) * dx + (ny - y) * dy;
    const aside = Math.abs((nx - x) * dy) + Math.abs((ny - y) * dx);
    if (node !== from && along > 1 && along + 2 * aside < least) { best = node; least = along + 2 * aside; }
  }
  if (best) { stop(best); best.focus({preventScroll: true}); show(best); }
}
function show(node) {
  const [x, y] = place(node), box = canvas(), w = box.clientWidth / view.k, h = box.clientHeight / view.k, edge = 60;
  if (x < view.x + edge) view.x = x - edge;
  if (x > view.x + w - edge) view.x = x - w + edge;
  if (y < view.y + edge) view.y = y - edge;
  if (y > view.y + h - edge) view.y = y - h + edge;
  apply();
}

// A picture of its own: the looks that the page's sheet gives it are written into it.
const LOOKS = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'paint-order', 'font-size',
  'font-weight', 'text-anchor'];
function alone() {
  const copy = svg().cloneNode(true), {w, h} = size();
  const mine = [svg(), ...svg().querySelectorAll('*')], theirs = [copy, ...copy.querySelectorAll('*')];
  light(null);
  mine.forEach((node, at) => {
    const looks = getComputedStyle(node);
    LOOKS.forEach((look) => theirs[at].style.setProperty(look, looks.getPropertyValue(look)));
    if (node.tagName === 'text') theirs[at].style.fontFamily = 'system-ui, sans-serif';
  });
  ['tabindex', 'role', 'aria-expanded', 'class'].forEach((name) =>
    theirs.forEach((node) => node.removeAttribute(name)));
  copy.setAttribute('viewBox', `0 0 ${w} ${h}`);
  const back = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  back.setAttribute('width', w); back.setAttribute('height', h);
  back.setAttribute('fill', getComputedStyle(element.closest('.sk-panel') || element).backgroundColor);
  copy.insertBefore(back, copy.firstChild);
  return {text: new XMLSerializer().serializeToString(copy), w, h};
}
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob); link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
function picture(kind) {
  const {text, w, h} = alone(), blob = new Blob([text], {type: 'image/svg+xml'});
  if (kind === 'svg') return save(blob, 'skylark-evidence.svg');
  const image = new Image(), scale = Math.min(2, 8000 / Math.max(w, h));
  image.onload = () => {
    const board = document.createElement('canvas');
    board.width = w * scale; board.height = h * scale;
    const pen = board.getContext('2d');
    pen.scale(scale, scale); pen.drawImage(image, 0, 0, w, h);
    board.toBlob((png) => save(png, 'skylark-evidence.png'));
    URL.revokeObjectURL(image.src);
  };
  image.src = URL.createObjectURL(blob);
}

const DO = {
  in: () => magnify(STEP), out: () => magnify(1 / STEP), whole: () => centre(fitting()),
  reset: async () => { if (opened.length) await redraw([], null); centre(Math.max(fitting(), LEAST)); },
  svg: () => picture('svg'), png: () => picture('png'),
};
element.addEventListener('click', (event) => {
  const tool = event.target.closest('[data-do]');
  if (tool && view) return DO[tool.dataset.do]();
  const node = event.target.closest('.sk-canvas [data-key]');
  if (node && !moved) open(node.dataset.key);
});
element.addEventListener('keydown', (event) => {
  const node = event.target.closest('.sk-canvas [data-key]');
  if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (arrows[event.key]) step(node, ...arrows[event.key]);
  else if (event.key === 'Enter' || event.key === ' ') open(node.dataset.key);
  else if (event.key === '+' || event.key === '=') magnify(STEP);
  else if (event.key === '-') magnify(1 / STEP);
  else if (event.key === '0') centre(fitting());
  else return;
  event.preventDefault();
});
element.addEventListener('focusin', (event) => {
  const node = event.target.closest('.sk-canvas [data-key]');
  if (node) { light(node.dataset.key); if (node.matches(':focus-visible')) show(node); }
});
element.addEventListener('focusout', () => svg() && light(null));
element.addEventListener('pointerover', (event) => {
  const node = event.target.closest('.sk-canvas [data-key]');
  const line = event.target.closest('.sk-canvas .sk-edge');
  if (!svg() || pointers.size) return;
  light(node ? node.dataset.key : null, line);
});
element.addEventListener('wheel', (event) => {
  if (!event.target.closest('.sk-canvas') || !(event.ctrlKey || event.metaKey) || !view) return;
  event.preventDefault();
  const box = canvas().getBoundingClientRect();
  magnify(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
}, {passive: false});
element.addEventListener('pointerdown', (event) => {
  if (!event.target.closest('.sk-canvas') || event.button || !view) return;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  moved = false; pinch = 0;
});
addEventListener('pointermove', (event) => {
  const last = pointers.get(event.pointerId);
  if (!last || !view || !svg()) return;
  const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
  if (!moved && Math.hypot(dx, dy) < 4) return;
  moved = true;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  const all = [...pointers.values()];
  if (all.length > 1) {
    const apart = Math.hypot(all[0][0] - all[1][0], all[0][1] - all[1][1]), box = canvas().getBoundingClientRect();
    const [x, y] = [(all[0][0] + all[1][0]) / 2 - box.left, (all[0][1] + all[1][1]) / 2 - box.top];
    if (pinch) magnify(apart / pinch, x, y);
    pinch = apart;
  } else {
    view.x -= dx / view.k; view.y -= dy / view.k;
    apply();
  }
});
['pointerup', 'pointercancel'].forEach((name) => addEventListener(name, (event) => pointers.delete(event.pointerId)));
let width = 0;
new ResizeObserver(() => {
  if (!svg() || !canvas().clientWidth || canvas().clientWidth === width) return;
  width = canvas().clientWidth;
  if (view) apply(); else start();
}).observe(element);
watch('value', start);
start();
