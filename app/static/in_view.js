() => {
  // What has come is laid out two frames later. The keyboard's focus stays where it is.
  const ENOUGH = 240;
  const show = () => {
    const part = SELECTORS.map((selector) => document.querySelector(selector)).find((found) => found?.offsetHeight);
    if (!part) return;
    const {top, bottom} = part.getBoundingClientRect();
    if (top >= 0 && Math.min(bottom, top + ENOUGH) <= innerHeight) return;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    part.scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});
  };
  requestAnimationFrame(() => requestAnimationFrame(show));
}
