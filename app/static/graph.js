// What the parts of the graph tab do in the browser. Each part calls its own function once it stands in the page.
window.skylarkGraph = (() => {
  const NO_ANSWER = 'The server does not answer: is it still running? Try again.';
  const openGraph = () => (document.querySelector('#graph_note [data-graph]') || {dataset: {}}).dataset.graph;
  function save(blob, name) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob); link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function answer({element, server, watch}) {
    // A part of the sentence shows the facts that it rests on: it opens their table, marks them and goes to the first.
    const show = (event) => {
      const part = event.target.closest('.sk-rests');
      if (!part || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
      event.preventDefault();
      // The table stands in the same card, folded with the rest of it, or in a part of its own.
      const place = element.querySelector('.sk-facts') ? element : document.querySelector('#evidence_table');
      place.querySelectorAll('.sk-fold, .sk-facts').forEach((folded) => { folded.open = true; });
      const facts = new Set(part.dataset.facts.split(' '));
      let first = null;
      place.querySelectorAll('[data-fact]').forEach((fact) => {
        const row = fact.closest('tr');
        row.classList.toggle('sk-lit', facts.has(fact.dataset.fact));
        if (!first && facts.has(fact.dataset.fact)) first = row;
      });
      if (first) { first.tabIndex = -1; first.focus({preventScroll: true}); first.scrollIntoView({block: 'center'}); }
    };
    element.addEventListener('click', show);
    element.addEventListener('keydown', show);

    // The table is sorted and lengthened by the server, which has all the answers.
    const say = (words) => { const line = element.querySelector('.sk-said'); if (line) line.textContent = words; };
    let sorting = {by: '', descending: false, shown: 100};
    watch('value', () => { sorting = {by: '', descending: false, shown: 100}; });
    const answered = () => element.querySelector('.sk-answer');
    async function rows(change, again) {
      const shown = answered(), {graph, query, least} = shown.dataset, frame = shown.querySelector('.sk-rows');
      const request = {...sorting, ...change};
      frame.setAttribute('aria-busy', 'true');
      try {
        const reply = await server.sorted_table({graph, query, least, ...request});
        if (shown !== answered()) return;
        if (reply.error) return say(reply.error);
        const top = change.shown ? frame.querySelector('.sk-scroll').scrollTop : 0;
        frame.innerHTML = reply.table;
        sorting = request;
        frame.querySelector('.sk-scroll').scrollTop = top;
        (frame.querySelector(again) || frame.querySelector('.sk-scroll')).focus({preventScroll: true});
      } catch (error) {
        say(NO_ANSWER);
      } finally {
        frame.removeAttribute('aria-busy');
      }
    }
    async function file(form) {
      const {graph, query, least} = answered().dataset;
      say('Writing the file …');
      try {
        const reply = await server.saved_answer({graph, query, least, form});
        if (reply.error) return say(reply.error);
        save(new Blob([reply.text], {type: form === 'csv' ? 'text/csv' : 'application/json'}), reply.name);
        say(`Saved as ${reply.name}`);
      } catch (error) {
        say(NO_ANSWER);
      }
    }
    async function copy(button) {
      const model = document.querySelector('#run_llm input').checked ? 'lark' : 'exact';
      const link = `${location.origin}${location.pathname}?${button.dataset.link}&method=${model}`;
      history.replaceState(history.state, '', link);
      try {
        await navigator.clipboard.writeText(link);
        say('The link is copied.');
      } catch (error) {  // a page that is not served over https may not write there
        say('The link stands in the address bar: copy it from there.');
      }
    }
    // Why an answer is likely is fetched as it is opened.
    async function prove(why) {
      if (!why.open || why.dataset.fetched) return;
      const {graph, query, least} = answered().dataset, box = why.lastElementChild;
      box.textContent = '…';
      try {
        const reply = await server.proof_shown({graph, query, least, entity: Number(why.dataset.entity)});
        if (reply.error) box.textContent = reply.error;
        else { box.innerHTML = reply.proof; why.dataset.fetched = 'yes'; }
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
  }

  function proposals({element, server}) {
    // Proposals below a field while a name is typed into it: arrow keys choose, Enter or Tab takes, Escape closes.
    const WAIT = 110;
    const list = element.querySelector('[role=listbox]'), live = element.querySelector('[role=status]');
    let field = null, proposed = null, active = -1, turn = 0, timer = 0;

    const asked = (target) => {
      if (!target || !target.matches) return null;
      if (target.matches('#question textarea')) return 'query';
      return target.matches('input[data-completes]') ? target.dataset.completes : null;
    };
    function close() {
      turn += 1; clearTimeout(timer);
      active = -1; proposed = null;
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
      const mine = ++turn, kind = asked(target), key = openGraph(), text = target.value;
      if (!key || !text.trim()) return close();
      try {
        const reply = await server.completions({graph: key, text, cursor: target.selectionStart, kind});
        if (mine !== turn || document.activeElement !== target || target.value !== text) return;
        if (reply.choices) show(target, reply);
        else close();
      } catch (error) {
        if (mine === turn) close();  // typing goes on without proposals
      }
    }
    function show(target, reply) {
      // What is there already needs no proposal.
      const there = target.value.slice(reply.start, reply.end);
      reply.choices = reply.choices.filter((choice) => choice.insert !== there);
      if (!reply.choices.length) return close();
      proposed = reply; active = -1;
      target.removeAttribute('aria-activedescendant');
      list.replaceChildren(...reply.choices.map((choice, at) => {
        const option = document.createElement('li');
        option.id = `sk-proposal-${at}`; option.role = 'option'; option.ariaSelected = 'false';
        const name = document.createElement('bdi'), detail = document.createElement('span');
        name.textContent = choice.shown; detail.textContent = choice.detail;
        option.append(name, detail);
        return option;
      }));
      list.hidden = false; list.ariaBusy = 'false';
      settle();
      live.textContent = `${reply.choices.length} proposals, arrow down to choose`;
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
      const {insert} = proposed.choices[at], target = field, place = proposed.start + insert.length;
      const whole = target.value.slice(0, proposed.start) + insert + target.value.slice(proposed.end);
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
  }

  function contents({element}) {
    // A schema wider than the page is first seen at its middle, the kind with the most links.
    let shown = null;
    new ResizeObserver(() => {
      const frame = element.querySelector('.sk-schema'), hub = element.querySelector('.sk-schema .sk-shape-anchor');
      if (!frame || !hub || frame === shown || !frame.clientWidth) return;
      shown = frame;
      const box = frame.getBoundingClientRect(), middle = hub.getBoundingClientRect();
      frame.scrollLeft += middle.left + middle.width / 2 - box.left - box.width / 2;
    }).observe(element);
  }

  function picture({element, server, watch}) {
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
      const sides = beyond.length > 1 ? `${beyond.slice(0, -1).join(', ')} and ${beyond.at(-1)}` : beyond[0];
      element.querySelector('.sk-beyond').textContent = sides ? `More lies ${sides}: drag the picture, or see it whole with ⤢.` : '';
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
      const least = element.closest('#cards') ? 170 : 300;  // a fact or two need no more; what is opened has a tab of its own
      box.style.height = `${Math.round(Math.max(least, Math.min(h * Math.max(LEAST, Math.min(1, box.clientWidth / w)), 560, innerHeight * 0.7)))}px`;
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
      const number = Number(key), toOpen = opened.includes(number) ? opened.filter((k) => k !== number) : [...opened, number];
      await redraw(toOpen, key);
    }
    async function redraw(toOpen, key) {
      asking = true;
      const shown = figure(), box = canvas(), caption = element.querySelector('.sk-caption');
      box.setAttribute('aria-busy', 'true');
      try {
        const {graph, query, least} = shown.dataset;
        const reply = await server.opened_picture({graph, query, least, opened: toOpen});
        if (shown !== figure()) return;  // another answer has come meanwhile
        if (reply.error) { caption.textContent = reply.error; return; }
        const before = new Map(nodes().map((node) => [node.dataset.key, place(node)]));
        const focused = svg().contains(document.activeElement), old = before.get(key);
        box.innerHTML = reply.svg; caption.innerHTML = reply.caption; opened = toOpen;
        const now = nodes().find((node) => node.dataset.key === key);
        if (now && old) {  // what was clicked stays where it is
          const [x, y] = place(now);
          view.x += x - old[0]; view.y += y - old[1];
        }
        apply();
        if (now) { stop(now); if (focused) now.focus({preventScroll: true}); light(key); }
        if (!calm()) glide(before, now ? [place(now)[0] - old[0], place(now)[1] - old[1]] : [0, 0]);
      } catch (error) {
        caption.textContent = 'The neighbours could not be fetched: is the server still running? Try again.';
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
    function saveAs(kind) {
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
      svg: () => saveAs('svg'), png: () => saveAs('png'),
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
  }

  function growth({element, watch}) {
    // The graph of a text as it grows: what was drawn before moves to where it stands now, what is new fades in, and the
    // frame follows it.
    const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
    const place = (node) => node.getAttribute('transform').match(/-?[\d.]+/g).map(Number);
    let before = new Map();
    function show() {
      const nodes = [...element.querySelectorAll('[data-key]')], frame = element.querySelector('.sk-scroll');
      const now = new Map(nodes.map((node) => [node.dataset.key, place(node)]));
      const time = {duration: 500, easing: 'ease-out'}, at = ([x, y]) => `translate(${x}px, ${y}px)`;
      if (!calm()) {
        nodes.forEach((node) => {
          const from = before.get(node.dataset.key), to = now.get(node.dataset.key);
          if (from) node.animate([{transform: at(from)}, {transform: at(to)}], time);
          else node.animate([{opacity: 0}, {opacity: 1}], {duration: 700});
        });
        element.querySelectorAll('[data-head]').forEach((line) => line.animate([{opacity: 0}, {}], {duration: 700}));
      }
      before = now;
      const newest = element.querySelector('.sk-shape.sk-newest');
      if (!frame || !newest) return;
      const box = frame.getBoundingClientRect(), seen = newest.getBoundingClientRect();
      const [left, top] = [seen.left + seen.width / 2 - box.left - box.width / 2, seen.top - box.top - box.height / 2];
      frame.scrollBy({left, top, behavior: calm() ? 'auto' : 'smooth'});
    }
    watch('value', show);
  }

  function slider({element, props, trigger, watch}) {
    // The slider: its place in words at once, and the answers anew as it moves, no more often than they can come.
    const range = element.querySelector('input'), output = element.querySelector('output');
    let sent = 0, later = null;

    function tell() {
      const least = 100 - Number(range.value), only = range.value === '0';
      const words = only ? 'only what the graph says' : `what the graph says, and what is at least ${least}% likely`;
      range.setAttribute('aria-valuetext', words);
      output.textContent = `${words[0].toUpperCase()}${words.slice(1)}.`;
    }
    function send() {
      clearTimeout(later);
      sent = performance.now();
      props.value = range.value;
      trigger('input');
    }
    range.addEventListener('input', () => {
      tell();
      clearTimeout(later);
      later = setTimeout(send, Math.max(0, 150 - (performance.now() - sent)));
    });
    watch('value', () => {
      if (document.activeElement !== range || props.value === '0') range.value = props.value;
      tell();
    });
    tell();
  }

  function shapes({element, server}) {
    // The form of the chosen shape: one field an anchor or relation, each with the proposals that the question box has.
    const form = () => element.querySelector('.sk-fill');
    const fields = () => element.querySelector('.sk-fields');
    const say = (words) => { form().querySelector('.sk-said').textContent = words; };
    const chosen = () => element.querySelector('[name=sk-shape]:checked');
    const inputs = (kind) => [...fields().querySelectorAll(`[data-completes=${kind}]`)]
      .sort((one, other) => one.dataset.number - other.dataset.number);

    function lay(radio) {
      form().hidden = false;
      fields().replaceChildren(...radio.dataset.fields.split('|').map((field) => {
        const [kind, number, words] = field.split('/');
        const label = document.createElement('label'), input = document.createElement('input');
        label.className = `sk-field sk-field-${kind}`;
        label.textContent = words;
        input.type = 'text'; input.dataset.completes = kind; input.dataset.number = number; input.maxLength = 300;
        input.placeholder = kind === 'entity' ? 'a name' : 'a relation, or ~relation for its inverse';
        label.append(input);
        return label;
      }));
      say('');
    }
    async function ask(call, request) {
      if (!request.graph) {
        say('No graph is open yet: wait until it is, or choose another one above.');
        return null;
      }
      try {
        const reply = await call(request);
        if (reply.error) say(reply.error);
        return reply.error ? null : reply;
      } catch (error) {
        say(NO_ANSWER);
        return null;
      }
    }
    element.addEventListener('change', (event) => { if (event.target.name === 'sk-shape') lay(event.target); });
    element.addEventListener('click', async (event) => {
      if (!event.target.closest('[data-example]') || !chosen()) return;
      say('Looking for an example …');
      const reply = await ask(server.shape_example, {graph: openGraph(), shape: chosen().value});
      if (!reply) return;
      inputs('entity').forEach((input, at) => { input.value = reply.anchors[at]; });
      inputs('relation').forEach((input, at) => { input.value = reply.relations[at]; });
      await write();
    });
    element.addEventListener('submit', async (event) => { event.preventDefault(); await write(); });
    async function write() {
      const anchors = inputs('entity').map((input) => input.value), relations = inputs('relation').map((i) => i.value);
      const reply = await ask(server.filled_shape, {graph: openGraph(), shape: chosen().value, anchors, relations});
      if (!reply) return;
      const box = document.querySelector('#question textarea');
      box.value = reply.query;
      box.dispatchEvent(new Event('input', {bubbles: true}));
      say('The query stands in the box above: press Ask.');
    }
  }

  function steps({element, watch}) {
    // Steps are redrawn whenever one arrives; a context that the visitor has opened stays open.
    const open = new Set();
    element.addEventListener('toggle', (event) => {
      const key = event.target.dataset && event.target.dataset.key;
      if (key) { if (event.target.open) open.add(key); else open.delete(key); }
    }, true);
    watch('value', () => {
      element.querySelectorAll('details[data-key]').forEach((d) => { if (open.has(d.dataset.key)) d.open = true; });
    });
  }

  return {answer, contents, growth, picture, proposals, shapes, slider, steps};
})();
