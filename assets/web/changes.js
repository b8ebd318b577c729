// The Diffs pane: the list is asked for while it is seen, a file's change when
// it is opened. Comments are written at a line and sent together.
import { fragment, detail, toast } from './page.js';
import { work } from './work.js';

const every = 5000;

export function changes(pane, running) {
  const base = pane.dataset.changes;
  const api = '/api/v1/volundr/sessions/' + base.split('/')[2];
  let timer, asking, shown = false, query = document.getElementById('changes').dataset.query ?? location.search.slice(1);
  const drafts = {}; // commit messages that are being written, by repository
  const root = () => document.getElementById('changes');
  const way = work(pane, api, () => load());

  // load asks for the list, and again a while after the answer. One that is still
  // under way may be of before what was just done: it does not count any more.
  async function load() {
    clearTimeout(timer);
    asking?.abort();
    if (!shown || document.hidden || !running()) return;
    const { signal } = asking = new AbortController();
    try {
      const res = await fetch(base + '?' + query, { headers: { Accept: 'text/html' }, signal });
      const text = res.ok ? await res.text() : '';
      if (signal.aborted) return;
      if (res.ok) draw(fragment(text).firstElementChild);
      else if (root().hasAttribute('data-missing')) root().textContent = await detail(res);
    } catch { /* the page says elsewhere that the daemon is away */ }
    if (!signal.aborted) timer = setTimeout(load, every);
  }

  // draw takes the new list over; files that are open keep their place.
  function draw(next) {
    const old = root();
    if (old.querySelector(':active, .commenting')) return; // a button is being pressed: it stays until it has heard so; or somebody writes
    const repo = next.dataset.repo, moved = (old.dataset.repo ?? '') !== repo;
    const written = old.querySelector('.commit textarea');
    if (written) drafts[old.dataset.repo] = written.value;
    const message = drafts[repo], words = old.querySelector('.review input')?.value;
    for (const f of next.querySelectorAll('.cfile')) {
      const was = document.getElementById(f.id);
      if (!was) continue;
      f.open = was.open;
      if (was.open && was.dataset.src === f.dataset.src) f.querySelector('.cbody').replaceChildren(...was.querySelector('.cbody').childNodes);
    }
    if (message) { const t = next.querySelector('.commit textarea'); if (t) t.value = message; }
    if (words) { const t = next.querySelector('.review input'); if (t) t.value = words; }
    const focus = document.activeElement?.closest?.('.changes') && path(document.activeElement);
    const top = pane.scrollTop;
    old.replaceWith(next);
    query = next.dataset.query;
    pane.scrollTop = moved ? 0 : top;
    if (moved) way.moved();
    if (focus) focus(next)?.focus({ preventScroll: true });
    for (const f of next.querySelectorAll('.cfile[open]')) open(f);
  }

  // path finds the same element in the list that replaces this one.
  function path(e) {
    const file = e.closest('.cfile'), sel = e.dataset.fileAct ? `[data-file-act=${e.dataset.fileAct}]` : e.tagName.toLowerCase();
    if (file) return next => next.querySelector('#' + file.id)?.querySelector(sel);
    if (e.matches('a')) return next => [...next.querySelectorAll('a')].find(a => a.getAttribute('href') === e.getAttribute('href'));
    return next => e.name ? next.querySelector(`[name=${e.name}]`) : null;
  }

  async function open(f) {
    const body = f.querySelector('.cbody');
    try {
      const res = await fetch(f.dataset.src, { headers: { Accept: 'text/html' } });
      const text = res.ok ? await res.text() : '';
      if (!res.ok) { body.textContent = await detail(res); return; }
      if (body.dataset.last === text || body.querySelector('.commenting')) return;
      body.replaceChildren(fragment(text));
      body.dataset.last = text;
    } catch { body.textContent = 'The daemon does not answer.'; }
  }

  async function send(method, path, data) {
    try {
      const res = await fetch(api + path, { method, headers: { 'Content-Type': 'application/json' }, body: data && JSON.stringify(data) });
      if (!res.ok) { toast(await detail(res)); return null; }
      return res.status === 204 ? {} : await res.json();
    } catch { toast('The daemon does not answer.'); return null; }
  }

  const at = () => '?' + new URLSearchParams({ repo: root().dataset.repo ?? '' });

  function go(href) {
    query = href.split('?')[1] ?? '';
    history.replaceState(null, '', href);
    load();
  }

  // comment opens a field under a line.
  function comment(line) {
    if (root().hasAttribute('data-looks')) return;
    const row = line.closest('tr'), file = line.closest('.cfile');
    root().querySelector('.commenting')?.closest('tr').remove();
    const code = line.matches('td') ? line.nextElementSibling : line.querySelector('.code');
    const tr = document.createElement('tr'), td = tr.insertCell(), form = document.createElement('form');
    td.colSpan = row.closest('table').matches('.split') ? 4 : 3;
    form.className = 'commenting';
    form.innerHTML = '<label>Comment<textarea rows="3" required></textarea></label><div class="row-end"><button type="button" class="button">Cancel</button><button class="button primary">Add to the review</button></div>';
    const close = () => { tr.remove(); file.querySelector('.csheet')?.focus(); };
    form.querySelector('[type=button]').onclick = close;
    form.onkeydown = e => { if (e.key === 'Escape') { e.stopPropagation(); close(); } if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) form.requestSubmit(); };
    form.onsubmit = async e => {
      e.preventDefault();
      const done = await send('POST', '/comments', {
        repo: root().dataset.repo ?? '', path: file.dataset.path, side: line.dataset.side, line: +line.dataset.line,
        text: code.textContent, body: form.querySelector('textarea').value,
      });
      if (done) { close(); load(); open(file); }
    };
    td.append(form);
    row.after(tr);
    form.querySelector('textarea').focus();
  }

  function choose(sheet, by) {
    const lines = [...sheet.querySelectorAll('[data-line]')], i = lines.findIndex(l => l.classList.contains('at'));
    if (by === 0) { if (i >= 0) comment(lines[i]); return; }
    lines[i]?.classList.remove('at');
    const n = lines[Math.min(lines.length - 1, Math.max(0, i + by))];
    n?.classList.add('at');
    n?.scrollIntoView({ block: 'nearest' });
  }

  pane.addEventListener('toggle', e => { if (e.target.matches?.('.cfile') && e.target.open) open(e.target); }, true);
  pane.addEventListener('change', e => {
    if (e.target.dataset.changesSet) { const q = new URLSearchParams(query); q.set(e.target.dataset.changesSet, e.target.value); go(location.pathname + '?' + q); }
  });
  pane.addEventListener('keydown', e => {
    if (!e.target.matches('.csheet') || e.ctrlKey || e.metaKey || e.altKey) return;
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, c: 0 }[e.key];
    if (by !== undefined) { e.preventDefault(); e.stopPropagation(); choose(e.target, by); }
  });
  pane.addEventListener('click', async e => {
    const link = e.target.closest('[data-changes-link]');
    if (link && !e.ctrlKey && !e.metaKey && !e.shiftKey) { e.preventDefault(); go(link.getAttribute('href')); return; }
    const no = e.target.closest('.no');
    const line = no && (no.dataset.line ? no : no.closest('tr[data-line]'));
    if (line) { comment(line); return; }
    const forget = e.target.closest('[data-forget]');
    if (forget) {
      const file = forget.closest('.cfile');
      if (await send('DELETE', '/comments/' + forget.closest('[data-comment]').dataset.comment)) { load(); open(file); }
      return;
    }
    const act = e.target.closest('[data-file-act]');
    if (!act) return;
    const file = act.closest('.cfile'), { path, from } = file.dataset;
    if (act.dataset.fileAct === 'discard') { discard(path, from); return; }
    if (await send('POST', '/changes/' + act.dataset.fileAct + at(), { paths: from ? [path, from] : [path] })) load();
  });
  pane.addEventListener('submit', async e => {
    if (e.target.matches('[data-commit]')) {
      e.preventDefault();
      const area = e.target.querySelector('textarea');
      const done = await send('POST', '/changes/commit' + at(), { message: area.value, all: e.submitter?.value === 'all' });
      if (done) { area.value = ''; toast(`Committed ${done.short_hash} ${done.message}`); load(); }
    }
    if (e.target.matches('[data-review]')) {
      e.preventDefault();
      const done = await send('POST', '/review', { id: crypto.randomUUID(), text: e.target.text.value });
      if (done) { toast('The review is sent. The agent answers in the chat.'); for (const f of root().querySelectorAll('.cfile[open]')) open(f); load(); }
    }
  });

  function discard(path, from) {
    const dialog = document.getElementById('confirm-discard'), form = dialog.querySelector('form');
    dialog.querySelector('[data-name]').textContent = path;
    form.onsubmit = async e => {
      e.preventDefault();
      dialog.close();
      const done = await send('POST', '/changes/discard' + at(), { path, from });
      if (done) { toast(done.detail); load(); }
    };
    dialog.showModal();
  }

  document.addEventListener('visibilitychange', load);
  return { visible(v) { shown = v; way.visible(v); if (v) load(); else clearTimeout(timer); }, load };
}
