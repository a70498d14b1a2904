// What the first tab does in the browser: chips that ask, a picture that is pasted or dropped, and the link in the
// address bar.
window.skylarkAsk = (() => {
  const box = () => document.querySelector('#ask_question textarea');
  const page = () => document.querySelector('#ask_page');
  // What a link asks for takes the place of the first answers, which are not shown for a moment before.
  if (['q', 'graph', 'picture'].some((part) => new URLSearchParams(location.search).has(part))) {
    document.documentElement.classList.add('sk-linked');
  }

  function write(words) {
    const field = box();
    if (!field) return;
    field.value = words;
    field.dispatchEvent(new Event('input', {bubbles: true}));
  }
  function tell(words) {
    const told = document.querySelector('#ask_status [role=status]');
    if (told) told.textContent = words;
  }
  // Questions that are under way: one may overtake another.
  let waited = 0;
  function busy() {
    waited += 1;
    window.skylarkVoice?.forget();
    page()?.classList.add('sk-busy');
    tell('Looking for the answer …');
  }
  function done() {
    document.documentElement.classList.remove('sk-linked');
    waited = Math.max(0, waited - 1);
    if (!waited) {
      if (page()?.classList.contains('sk-busy')) tell('');
      page()?.classList.remove('sk-busy');
    }
    address();
  }
  // The address bar always holds a link to what is shown, also when another tab was open meanwhile.
  function address() {
    const cards = [...document.querySelectorAll('#cards .sk-card')];
    if (cards.length !== 1 || !page()?.offsetParent) return;
    const {link} = cards[0].dataset;
    history.replaceState(history.state, '', link ? `?${link}` : location.pathname);
  }
  function presses({element, trigger}) {
    element.addEventListener('click', (event) => {
      const pressed = event.target.closest('[data-ask]');
      if (!pressed) return;
      const {ask, picture} = pressed.dataset;
      write(ask);
      busy();
      trigger('select', {ask, picture: picture || ''});
    });
  }
  function card({element, trigger}) {
    presses({element, trigger});
    element.addEventListener('click', async (event) => {
      const button = event.target.closest('[data-copy]');
      if (!button) return;
      const {link} = button.closest('.sk-card').dataset, whole = `${location.origin}${location.pathname}?${link}`;
      const said = button.parentElement.querySelector('.sk-said');
      try {
        await navigator.clipboard.writeText(whole);
        said.textContent = 'The link is copied.';
      } catch (error) {  // a page that is not served over https may not write there
        history.replaceState(history.state, '', whole);
        said.textContent = 'The link stands in the address bar: copy it from there.';
      }
    });
  }
  // A picture is given by pasting or dropping it anywhere on the tab, as well as by its button.
  function give(files) {
    const picture = [...(files || [])].find((file) => file.type.startsWith('image/'));
    const input = document.querySelector('#composer input[type=file]');
    if (!picture || !page()?.offsetParent || !input) return false;
    const held = new DataTransfer();
    held.items.add(picture);
    input.files = held.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
    return true;
  }
  addEventListener('paste', (event) => { if (give(event.clipboardData?.files)) event.preventDefault(); });
  addEventListener('dragover', (event) => { if (page()?.offsetParent) event.preventDefault(); });
  addEventListener('drop', (event) => { if (page()?.offsetParent) { event.preventDefault(); give(event.dataTransfer?.files); } });
  return {address, busy, card, done, presses, tell, write};
})();
