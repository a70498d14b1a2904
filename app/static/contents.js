// A schema wider than the page is first seen at its middle, the kind with the most links.
let shown = null;
new ResizeObserver(() => {
  const frame = element.querySelector('.sk-schema'), hub = element.querySelector('.sk-schema .sk-shape-anchor');
  if (!frame || !hub || frame === shown || !frame.clientWidth) return;
  shown = frame;
  const box = frame.getBoundingClientRect(), middle = hub.getBoundingClientRect();
  frame.scrollLeft += middle.left + middle.width / 2 - box.left - box.width / 2;
}).observe(element);
