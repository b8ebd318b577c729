// The Timeline pane: asked for while it is seen. Kinds and later events are
// links that are followed in place.
import { fragment, place } from './page.js';

const every = 5000;

export function timeline(pane, running) {
  const url = pane.dataset.timeline;
  let timer, shown = false, query = new URLSearchParams(location.pathname.endsWith('/timeline') ? location.search : '');

  async function load() {
    clearTimeout(timer);
    if (!shown || document.hidden) return;
    if (running()) timer = setTimeout(load, every);
    try {
      const res = await fetch(url + '?' + query, { headers: { Accept: 'text/html' } });
      if (res.ok) place(await res.text());
    } catch { /* the page says elsewhere that the daemon is away */ }
  }

  pane.addEventListener('click', async e => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    const kind = e.target.closest('[data-kind-link]'), more = e.target.closest('[data-more]');
    if (kind) {
      e.preventDefault();
      history.replaceState(null, '', kind.getAttribute('href'));
      query = new URLSearchParams(location.search);
      load();
    }
    if (more) {
      e.preventDefault();
      clearTimeout(timer); // what was loaded stays until the pane is seen anew
      const res = await fetch(url + '?' + more.getAttribute('href').split('?')[1]);
      if (!res.ok) return;
      const next = fragment(await res.text());
      pane.querySelector('.events').append(...next.querySelectorAll('.event'));
      const further = next.querySelector('[data-more]');
      if (further) more.replaceWith(further); else more.remove();
    }
  });
  document.addEventListener('visibilitychange', load);
  return { visible(v) { shown = v; if (v) load(); else clearTimeout(timer); } };
}
