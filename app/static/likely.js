// The slider: its place in words at once, and the answers anew as it moves, no more often than they can come.
const range = element.querySelector('input'), told = element.querySelector('output');
let sent = 0, later = null;

function tell() {
  const least = 100 - Number(range.value), only = range.value === '0';
  const words = only ? 'only what the graph says' : `what the graph says, and what is at least ${least}% likely`;
  range.setAttribute('aria-valuetext', words);
  told.textContent = `${words[0].toUpperCase()}${words.slice(1)}.`;
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
