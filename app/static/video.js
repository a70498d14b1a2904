// The timeline of a video and its player belong together: a press on a moment goes there, and a line shows the moment
// that plays. Nothing of it goes back to the server.
const page = document.querySelector('#video_tab') || document.body;
const player = () => page.querySelector('video.sk-player');
const timeline = () => element.querySelector('.sk-timeline');
const follow = () => {
  const video = player(), drawn = timeline();
  if (!drawn) return;
  const at = video ? Math.min(100, 100 * video.currentTime / drawn.dataset.seconds) : 0;
  drawn.style.setProperty('--sk-at', `${at}%`);
};
page.addEventListener('click', (event) => {
  const moment = event.target.closest && event.target.closest('[data-at]');
  const video = player();
  if (!moment || !video) return;
  let at = Number(moment.dataset.at);
  // A bar lasts: the pointer means the moment that it points at, the keyboard the first one.
  if (moment.dataset.to !== undefined && event.detail) {
    const {left, width} = moment.getBoundingClientRect();
    at += (moment.dataset.to - at) * Math.min(1, Math.max(0, (event.clientX - left) / width));
  }
  video.currentTime = at;
  follow();
  skylarkPage.show(['#video_stage']);
});
// These events do not rise to the page, but are heard on their way down.
for (const kind of ['timeupdate', 'seeking', 'loadedmetadata']) page.addEventListener(kind, follow, true);
// One bar or sign can be reached with Tab; the arrows go on from there, up and down to the nearest of the next thing.
element.addEventListener('keydown', (event) => {
  const at = event.target.matches && event.target.matches('.sk-timeline [data-at]') ? event.target : null;
  if (!at) return;
  const row = at.closest('.sk-row');
  const inRow = (one) => [...one.querySelectorAll('[data-at]')].sort((a, b) => a.dataset.at - b.dataset.at);
  const rows = [...timeline().querySelectorAll('.sk-row:has([data-at])')];
  const own = inRow(row);
  let next = null;
  if (event.key === 'ArrowRight') next = own[own.indexOf(at) + 1];
  else if (event.key === 'ArrowLeft') next = own[own.indexOf(at) - 1];
  else if (event.key === 'Home') next = own[0];
  else if (event.key === 'End') next = own[own.length - 1];
  else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const other = rows[rows.indexOf(row) + (event.key === 'ArrowDown' ? 1 : -1)];
    const far = (one) => Math.abs(one.dataset.at - at.dataset.at);
    next = other && inRow(other).reduce((best, one) => far(one) < far(best) ? one : best);
  } else return;
  event.preventDefault();
  if (!next) return;
  at.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
watch('value', follow);
