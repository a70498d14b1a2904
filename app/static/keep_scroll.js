let at = 0;
element.addEventListener('scroll', (event) => { if (event.target.matches('.sk-scroll')) at = event.target.scrollTop; },
  true);
watch('value', () => { const box = element.querySelector('.sk-scroll'); if (box) box.scrollTop = at; });
