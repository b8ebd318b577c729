// The dashboard: rows that change in place, search as you type, keys.
import { post } from './dialogs.js';
import { place, toast, typing } from './page.js';

export function dashboard() {
  const q = document.getElementById('q'), state = document.getElementById('f-state'), agent = document.getElementById('f-agent');
  const rows = () => [...document.querySelectorAll('li[data-row]')];
  const seen = () => rows().filter(r => r.offsetParent);

  const filter = () => {
    const words = q.value.toLowerCase();
    let any = false;
    for (const r of rows()) {
      r.hidden = !(r.dataset.text.includes(words) && (!state.value || r.dataset.class === state.value) && (!agent?.value || r.dataset.agent === agent.value));
      any ||= !r.hidden;
    }
    for (const g of document.querySelectorAll('.group')) g.hidden = !g.querySelector('li[data-row]:not([hidden])');
    const none = document.getElementById('no-match');
    if (none) none.hidden = any || !rows().length;
    const p = new URLSearchParams();
    if (q.value) p.set('q', q.value);
    if (state.value) p.set('state', state.value);
    if (agent?.value) p.set('agent', agent.value);
    history.replaceState(null, '', p.size ? '/?' + p : '/');
  };
  for (const f of [q, state, agent]) f?.addEventListener('input', filter);
  q.form.addEventListener('submit', e => { e.preventDefault(); seen()[0]?.querySelector('a').focus(); });
  // The server narrowed the list by the query: the script wants all of it.
  if (location.search) reload(); else filter();

  document.addEventListener('keydown', e => {
    if (typing() || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    const list = seen(), at = list.findIndex(r => r.contains(document.activeElement));
    if (e.key === 'j' || e.key === 'k') {
      const to = list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + (e.key === 'j' ? 1 : -1)))];
      to?.querySelector('a.row-name').focus();
    } else if (e.key === '.' && at >= 0) {
      list[at].querySelector('[data-menu]').click();
    } else return;
    e.preventDefault();
  });

  // The menu of a row is made when it is asked for.
  const shut = () => document.getElementById('row-menu')?.remove();
  document.addEventListener('click', e => {
    const link = e.target.closest('[data-menu]');
    const again = link && link.parentElement.querySelector('#row-menu');
    shut();
    if (!link || again || e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    link.parentElement.append(menu(link));
    link.parentElement.querySelector('#row-menu .button').focus();
  });
  document.addEventListener('keydown', e => {
    if (e.key !== 'Escape' || !document.getElementById('row-menu')) return;
    document.getElementById('row-menu').parentElement.querySelector('[data-menu]').focus();
    shut();
  }, true);

  // reload asks for the board again: a row came, went or moved.
  let timer;
  function reload() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const res = await fetch('/board', { headers: { Accept: 'text/html' } });
        if (!res.ok) return;
        const closed = new Set([...document.querySelectorAll('.group:not([open])')].map(g => g.dataset.group));
        const open = new Set([...document.querySelectorAll('.group[open]')].map(g => g.dataset.group));
        const focus = document.activeElement?.closest?.('li[data-row]')?.id;
        document.getElementById('board').innerHTML = await res.text();
        for (const g of document.querySelectorAll('.group')) {
          if (closed.has(g.dataset.group)) g.open = false;
          if (open.has(g.dataset.group)) g.open = true;
        }
        if (focus) document.getElementById(focus)?.querySelector('a').focus();
        filter();
      } catch { toast('The daemon does not answer.'); }
    }, 150);
  }

  return {
    session({ row }) {
      let moved = false;
      const before = {};
      const id = /id="(row-[^"]+)"/.exec(row)?.[1];
      const old = id && document.getElementById(id);
      if (old) Object.assign(before, old.dataset);
      const r = place(row, () => { moved = true; return null; });
      const needs = r?.dataset.needs !== before.needs || r?.dataset.needs?.startsWith('wait');
      if (r) moved = r.dataset.repo !== before.repo || ('archived' in r.dataset) !== ('archived' in before);
      if (moved || needs) reload(); else filter();
    },
    gone({ id }) { document.getElementById('row-' + id)?.remove(); reload(); },
    stats({ html }) { place(html); },
    image({ html }) { place(html); },
    trouble({ html }) { place(html); },
    stale: reload,
  };
}

const words = { again: 'Again like this', start: 'Start', 'start-again': 'Start again', stop: 'Stop', archive: 'Archive', restore: 'Restore', delete: 'Delete' };

function menu({ dataset, href }) {
  const box = Object.assign(document.createElement('div'), { id: 'row-menu' });
  const id = href.split('/').pop(), can = dataset.menu.split(' ');
  for (const act of can) {
    const now = { start: 'start', 'start-again': 'start', archive: 'archive', restore: 'restore' }[act]; // without being asked
    const b = Object.assign(document.createElement(now ? 'button' : 'a'), { className: 'button', textContent: words[act] });
    if (now) b.onclick = () => post(href + '/' + now);
    else {
      b.href = act === 'again' ? '/sessions/new?again=' + id : href + '/' + act;
      if (act === 'again') { box.append(b); continue; }
      Object.assign(b.dataset, { confirm: act, id, name: dataset.name });
      if (can.includes('stop')) b.dataset.running = '';
      if (can.includes('stop') || can.includes('archive')) b.dataset.archive = '';
    }
    box.append(b);
  }
  return box;
}
