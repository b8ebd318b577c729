// The dashboard: rows that change in place, search as you type, keys.
import { post } from './dialogs.js';
import { fragment, place, toast, typing } from './page.js';
import { fresh } from './times.js';

export function dashboard() {
  const q = document.getElementById('q'), state = document.getElementById('f-state'), agent = document.getElementById('f-agent');
  const board = document.getElementById('board');
  const rows = () => [...document.querySelectorAll('li[data-row]')];
  const seen = () => rows().filter(r => r.offsetParent);
  const fits = r => r.dataset.text.includes(q.value.toLowerCase()) && (!state.value || r.dataset.class === state.value) && (!agent?.value || r.dataset.agent === agent.value);

  // What the board was asked for, and what is chosen now. While all sessions are
  // on the page it is filtered here; else the server looks for what fits.
  const started = new URLSearchParams(location.search);
  let asked = query({ q: started.get('q'), state: started.get('state'), agent: started.get('agent') });
  const places = query({ before: started.get('before'), archived: started.get('archived') }); // of a page without the newest
  const chosen = () => query({ q: q.value, state: state.value, agent: agent?.value });
  const more = () => !!board.querySelector('[data-older]');

  let timer, asking;
  const through = {}; // by the link's id: the place down to which sessions are shown

  const filter = () => {
    let any = false;
    for (const r of rows()) {
      r.hidden = !fits(r);
      any ||= !r.hidden;
    }
    for (const g of document.querySelectorAll('.group')) g.hidden = !g.querySelector('li[data-row]:not([hidden])');
    const now = chosen(), ask = now !== asked && (asked || more());
    const none = document.getElementById('no-match');
    if (none) none.hidden = ask || any || !rows().length;
    const at = [now, now ? '' : places].filter(Boolean).join('&');
    history.replaceState(null, '', at ? '/?' + at : '/');
    if (ask) reload();
  };
  for (const f of [q, state, agent]) f?.addEventListener('input', filter);
  q.form.addEventListener('submit', e => { e.preventDefault(); seen()[0]?.querySelector('a').focus(); });
  filter();

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

  // reload asks for the board again: a row came, went or moved, or others are
  // looked for. What was shown by older stays.
  function reload() {
    timer ??= setTimeout(async () => {
      timer = null;
      const now = chosen();
      if (asking?.now === now) return reload(); // after the one under way: many that come at once do not keep it from its end
      asking?.abort();
      const mine = asking = Object.assign(new AbortController(), { now });
      if (now !== asked) for (const id in through) delete through[id];
      const at = [now, query({ until: through.older, 'archived-until': through['older-archived'] }), now ? '' : places].filter(Boolean).join('&');
      try {
        const res = await fetch('/board?' + at, { headers: { Accept: 'text/html' }, signal: mine.signal });
        if (!res.ok) return;
        const html = await res.text();
        asked = now;
        const closed = new Set([...document.querySelectorAll('.group:not([open])')].map(g => g.dataset.group));
        const open = new Set([...document.querySelectorAll('.group[open]')].map(g => g.dataset.group));
        const focus = document.activeElement?.closest?.('li[data-row]')?.id;
        board.innerHTML = html;
        for (const g of document.querySelectorAll('.group')) {
          if (closed.has(g.dataset.group)) g.open = false;
          if (open.has(g.dataset.group)) g.open = true;
        }
        if (focus) document.getElementById(focus)?.querySelector('a').focus();
        filter();
      } catch (e) { if (e.name !== 'AbortError') toast('The daemon does not answer.'); } finally { if (asking === mine) asking = null; }
    }, 150);
  }

  // The next page comes below what is there.
  document.addEventListener('click', async e => {
    const link = e.target.closest('[data-older]');
    if (!link || e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    if (link.ariaDisabled) return;
    link.ariaDisabled = 'true';
    const id = link.parentElement.id, now = asked;
    try {
      const res = await fetch('/board' + new URL(link.href).search, { headers: { Accept: 'text/html' } });
      if (!res.ok) throw 0;
      const html = await res.text();
      if (now === asked) append(fragment(html), id);
    } catch { toast('The daemon does not answer.'); }
    link.ariaDisabled = null;
  });

  function append(next, id) {
    let first;
    const end = document.getElementById(id), link = next.getElementById(id);
    for (const g of next.querySelectorAll('.group')) {
      const old = board.querySelector(`.group[data-group="${CSS.escape(g.dataset.group)}"]`);
      for (const r of [...g.querySelectorAll('li[data-row]')]) {
        if (document.getElementById(r.id)) { r.remove(); continue; }
        first ??= r;
        old?.querySelector('.rows').append(r);
      }
      if (!old && g.querySelector('li[data-row]')) document.getElementById('older')?.before(g);
    }
    through[id] = link?.querySelector('a').dataset.older ?? '0.-';
    if (link) end.replaceWith(link); else end.remove();
    for (const g of document.querySelectorAll('.group')) {
      const count = g.querySelector('.count'), n = g.querySelectorAll('li[data-row]').length;
      count.textContent = n < count.dataset.total ? `${n} of ${count.dataset.total}` : n;
    }
    fresh(board);
    filter();
    first?.querySelector('a').focus();
  }

  return {
    session({ row }) {
      let moved = false;
      const before = {};
      const id = /id="(row-[^"]+)"/.exec(row)?.[1];
      const old = id && document.getElementById(id);
      if (old) Object.assign(before, old.dataset);
      const r = place(row, next => { moved = fits(next) || next.dataset.needs || board.querySelector(`[data-inbox="${next.dataset.row}"]`); return null; });
      const needs = r ? r.dataset.needs !== before.needs || r.dataset.needs.startsWith('wait') : false;
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

function query(values) {
  const p = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value) p.set(name, value);
  return p.toString();
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
