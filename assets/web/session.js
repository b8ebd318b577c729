// A session's page: one document with all panes. A frame is made when its pane
// is first seen and never moved, so it keeps its state.
import { place, typing } from './page.js';
import { chat } from './chat.js';
import { logs } from './logs.js';
import { changes } from './changes.js';
import { timeline } from './timeline.js';

const sandbox = 'allow-scripts allow-same-origin allow-forms allow-popups allow-modals allow-downloads';

export function session() {
  const root = document.querySelector('.session');
  const base = '/sessions/' + root.dataset.session;
  const talk = chat(root);
  const log = logs(document.getElementById('pane-logs'));
  const running = () => document.getElementById('session-header').dataset.status === 'running';
  const tale = timeline(document.getElementById('pane-timeline'), () => running());
  const diffs = changes(document.getElementById('pane-diffs'), running);
  const run = () => document.getElementById('session-header').dataset.run;

  function show(tab, port) {
    root.dataset.tab = tab;
    for (const p of document.querySelectorAll('.pane')) p.hidden = p.id !== 'pane-' + tab;
    for (const a of document.querySelectorAll('[data-tab-link]')) {
      if (a.dataset.tabLink === tab) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
    }
    document.querySelector('[data-pop-out]').href = popOut(tab);
    const preview = document.getElementById('pane-preview');
    if (port) preview.dataset.port = port;
    for (const a of document.querySelectorAll('[data-port-link]')) {
      if (a.dataset.portLink === preview.dataset.port) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current');
    }
    frame(tab);
    log.visible(tab === 'logs');
    diffs.visible(tab === 'diffs');
    tale.visible(tab === 'timeline');
    talk.visible(tab === 'chat');
  }

  // findNames looks, before the first frame is made, whether this browser finds
  // the names of surfaces: a page under such a name says so to us. That of one
  // that is not found is the browser's own and says nothing.
  let looked = false;
  function findNames() {
    if (looked || !root.dataset.probe) return;
    looked = true;
    const f = document.createElement('iframe');
    const tell = found => {
      root.dataset.names = found ? 'found' : 'missing';
      for (const n of document.querySelectorAll('[data-unfound]')) n.hidden = found;
    };
    const late = ms => setTimeout(tell, ms, false);
    let timer = late(10000);
    f.hidden = true;
    f.title = 'Looking for the names of surfaces';
    f.setAttribute('sandbox', 'allow-scripts');
    f.onload = () => { clearTimeout(timer); timer = late(1500); };
    addEventListener('message', e => {
      if (e.source !== f.contentWindow) return;
      clearTimeout(timer);
      f.onload = null;
      tell(true);
      f.remove();
    });
    f.src = root.dataset.probe;
    root.append(f);
  }

  function popOut(tab) {
    if (tab === 'editor' || tab === 'terminal') return `/s/${root.dataset.session}/${tab}/`;
    const port = document.getElementById('pane-preview').dataset.port;
    return tab === 'preview' && port > 0 ? `/s/${root.dataset.session}/preview/${port}/` : base + '/' + tab;
  }

  // frame makes the pane's frame when the session runs. A frame of an earlier
  // run is of no use any more.
  function frame(tab) {
    const pane = document.getElementById('pane-' + tab);
    let src = pane.dataset.frame;
    if (tab === 'preview') src = pane.dataset.port > 0 ? pane.dataset.preview + pane.dataset.port + '/' : '';
    if (!src) return;
    const key = src + '#' + run();
    for (const f of pane.querySelectorAll('iframe')) {
      if (f.dataset.run !== run()) f.remove(); else f.hidden = f.dataset.key !== key;
    }
    if (!running() || [...pane.querySelectorAll('iframe')].some(f => f.dataset.key === key)) return;
    findNames();
    const f = document.createElement('iframe');
    f.title = pane.dataset.title;
    f.dataset.key = key;
    f.dataset.run = run();
    f.setAttribute('sandbox', sandbox);
    f.allow = 'clipboard-read; clipboard-write';
    f.referrerPolicy = 'no-referrer';
    f.src = src;
    pane.append(f);
  }

  // awake brings the panes in line with the state: what sleeps says so.
  function awake() {
    const status = document.getElementById('session-header').dataset.status;
    const starting = status === 'starting' || status === 'provisioning';
    for (const p of document.querySelectorAll('[data-asleep]')) {
      p.hidden = running();
      for (const x of p.querySelectorAll('[data-when]')) {
        x.hidden = { rest: starting, starting: !starting, start: !/^(created|stopped|failed)$/.test(status) }[x.dataset.when];
      }
    }
    if (!running()) for (const f of document.querySelectorAll('.pane iframe')) f.remove();
    document.getElementById('pane-preview').classList.toggle('asleep-all', !running());
    frame(root.dataset.tab);
    diffs.load();
  }

  function go(tab, port) {
    const url = base + '/' + tab + (tab === 'preview' && port > 0 ? '?port=' + port : '');
    if (url !== location.pathname + location.search) history.pushState(null, '', url);
    show(tab, port);
  }

  document.addEventListener('click', e => {
    if (e.metaKey || e.ctrlKey || e.shiftKey || e.button) return;
    const tab = e.target.closest('[data-tab-link]'), port = e.target.closest('[data-port-link]');
    if (tab) { e.preventDefault(); go(tab.dataset.tabLink, document.getElementById('pane-preview').dataset.port); }
    if (port) { e.preventDefault(); go('preview', port.dataset.portLink); }
  });
  addEventListener('popstate', () => show(location.pathname.split('/')[3] || 'chat', new URLSearchParams(location.search).get('port')));
  document.addEventListener('keydown', e => {
    if (typing() || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    const link = /^[1-9]$/.test(e.key) && document.querySelectorAll('[data-tab-link]')[e.key - 1];
    if (link) { e.preventDefault(); link.click(); link.focus(); return; }
    if (e.key === '.') { e.preventDefault(); document.querySelector('.session-actions a, .session-actions button')?.focus(); }
  });

  show(root.dataset.tab, document.getElementById('pane-preview').dataset.port);
  awake();
  talk.started = awake;
  return {
    session({ id, header, open }) {
      if (id !== root.dataset.session) return;
      place(header);
      talk.can(open);
      awake();
    },
    trouble({ html }) { place(html); },
    gone({ id }) { if (id === root.dataset.session) location.assign('/'); },
    stale() { location.reload(); },
  };
}
