// Steps are redrawn whenever one arrives; a context that the visitor has opened stays open.
const open = new Set();
element.addEventListener('toggle', (event) => {
  const key = event.target.dataset && event.target.dataset.key;
  if (key) { if (event.target.open) open.add(key); else open.delete(key); }
}, true);
watch('value', () => {
  element.querySelectorAll('details[data-key]').forEach((d) => { if (open.has(d.dataset.key)) d.open = true; });
});
