// What all tabs of the page share in the browser.
window.skylarkPage = {
  // Brings the first of these parts that is there into view where it is not: what comes in answer to a press may lie
  // below the screen. It is laid out two frames later. The keyboard's focus stays where it is.
  show(selectors) {
    const ENOUGH = 240;
    const show = () => {
      const part = selectors.map((selector) => document.querySelector(selector)).find((element) => element?.offsetHeight);
      if (!part) return;
      const {top, bottom} = part.getBoundingClientRect();
      if (top >= 0 && Math.min(bottom, top + ENOUGH) <= innerHeight) return;
      const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
      part.scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});
    };
    requestAnimationFrame(() => requestAnimationFrame(show));
  },
  // The tab that is open stands in the address bar, so that it can be linked to.
  opened() {
    requestAnimationFrame(() => {
      const tab = document.querySelector('#tabs [role=tab][aria-selected=true]')?.textContent.trim().toLowerCase();
      if (tab) history.replaceState(history.state, '', tab === 'ask' ? location.pathname : `?tab=${tab}`);
      // What the tab shows is laid out again only then.
      if (tab === 'ask') requestAnimationFrame(() => setTimeout(skylarkAsk.address));
    });
  },
  // A table that is drawn anew stays where it was scrolled to.
  keepScroll({element, watch}) {
    let top = 0;
    element.addEventListener('scroll', (event) => {
      if (event.target.matches('.sk-scroll')) top = event.target.scrollTop;
    }, true);
    watch('value', () => { const frame = element.querySelector('.sk-scroll'); if (frame) frame.scrollTop = top; });
  },
};
