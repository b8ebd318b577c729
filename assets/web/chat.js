// The chat: the server renders, this places what it sends and sends what is
// typed. One WebSocket, which goes on from the last number after a break.
import { fragment, place, toast, typing } from './page.js';
import { composer } from './composer.js';

export function chat(root) {
  const el = root.querySelector('.chat'), scroll = document.getElementById('scroll');
  const items = document.getElementById('items'), queued = document.getElementById('queued');
  const toEnd = document.getElementById('to-end');
  let last = Number(el.dataset.last) || 0, socket, wait = 250, waiting = [], sent;

  const status = () => document.getElementById('chat-status');
  const send = m => {
    if (socket?.readyState === 1) { socket.send(JSON.stringify(m)); return true; }
    return false;
  };
  const write = composer(el, {
    busy: () => 'busy' in status().dataset,
    prompt(blocks) {
      const m = { type: 'prompt', id: crypto.randomUUID(), blocks };
      sent = m;
      if (!send(m)) waiting.push(m); // sent when the connection is back; the id makes it one prompt
      end();
    },
    cancel() { if (!send({ type: 'cancel' })) toast('Not connected: the turn could not be stopped.'); },
  });

  function connect() {
    socket = new WebSocket(el.dataset.chat, 'volundr.html.v1');
    socket.onopen = () => {
      wait = 250;
      send({ type: 'hello', after: last });
      for (const m of waiting.splice(0)) send(m);
      el.classList.remove('away');
    };
    socket.onmessage = e => frame(JSON.parse(e.data));
    socket.onclose = e => {
      el.classList.add('away');
      if (e.code === 1008 || e.code === 4404) return; // not ours to open
      setTimeout(connect, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, 5000);
    };
  }

  function frame(m) {
    if (m.n > last) last = m.n;
    if (m.type === 'item') put(m.html);
    else if (m.type === 'reload') location.replace(location.pathname); // without ?before: to the end
    else if (m.type === 'error') {
      toast(m.error);
      if (sent && m.id === sent.id) write.back(sent.blocks);
    }
  }

  function put(html) {
    const near = atEnd(), height = scroll.scrollHeight;
    const it = place(html, next => {
      ('in' in next.dataset ? queued : items).append(next);
      return next;
    });
    if (!it) return;
    // A queued prompt stands where its turn begins.
    if (it.parentElement === queued && !('in' in it.dataset)) items.append(it);
    if (it.classList.contains('item')) document.getElementById('chat-empty')?.remove();
    if (it.id === 'chat-status') write.state();
    if (near) end();
    else if (scroll.scrollHeight !== height) { // what is read stays where it is
      scroll.scrollTop -= scroll.scrollHeight - height;
      toEnd.hidden = false;
    }
    if (it.matches?.('.permission:has(button)')) notify(it);
  }

  function notify(it) {
    if (document.hidden && !document.title.startsWith('● ')) document.title = '● ' + document.title;
    it.scrollIntoView({ block: 'nearest' });
  }
  document.addEventListener('visibilitychange', () => { if (!document.hidden) document.title = document.title.replace(/^● /, ''); });

  // The reader stays at the end until they scroll up. (The list is laid out
  // from its end: scrollTop is 0 there and negative above.)
  const atEnd = () => scroll.scrollTop > -60;
  const end = () => { scroll.scrollTop = 0; toEnd.hidden = true; };
  scroll.addEventListener('scroll', () => {
    if (atEnd()) toEnd.hidden = true;
    const link = document.querySelector('#earlier [data-earlier]:not([data-failed])');
    if (link && scroll.scrollHeight - scroll.clientHeight + scroll.scrollTop < 600) earlier(link);
  }, { passive: true });
  toEnd.addEventListener('click', end);

  // Earlier items come above, when the reader comes near them or asks. (What is
  // read stays where it is: the list is laid out from its end.)
  let loading = false;
  async function earlier(link) {
    if (loading) return;
    loading = true;
    link.textContent = 'Loading…';
    try {
      const res = await fetch(link.dataset.earlier);
      if (!res.ok) throw new Error();
      const part = fragment(await res.text());
      for (const n of [...part.children]) if (n.id !== 'earlier' && document.getElementById(n.id)) n.remove();
      const button = part.querySelector('#earlier');
      document.getElementById('earlier').remove();
      items.prepend(part);
      if (button) items.before(button);
    } catch {
      link.dataset.failed = '';
      link.textContent = 'Earlier (that did not work: try again)';
    }
    loading = false;
  }
  el.addEventListener('click', e => {
    const link = e.target.closest('[data-earlier]');
    if (!link) return;
    e.preventDefault();
    earlier(link);
  });

  // Permission: buttons and keys.
  const answer = b => {
    const ask = b.closest('[data-ask]');
    if (!send({ type: 'answer', id: ask.dataset.ask, option: b.value })) { toast('Not connected: the answer was not sent.'); return; }
    for (const x of ask.querySelectorAll('button[name=option]')) x.disabled = true;
    b.classList.add('chosen');
  };
  el.addEventListener('click', e => {
    const b = e.target.closest('[data-ask] button[name=option]');
    if (b) { e.preventDefault(); answer(b); }
  });
  document.addEventListener('keydown', e => {
    if (typing() || e.ctrlKey || e.metaKey || e.altKey || e.repeat || root.dataset.tab !== 'chat' || document.querySelector('dialog[open]')) return;
    const ask = el.querySelector('[data-ask][data-open]');
    const b = ask && [...ask.querySelectorAll('button[data-answer-key]')].find(x => x.dataset.answerKey === e.key && !x.disabled);
    if (b) { e.preventDefault(); e.stopImmediatePropagation(); answer(b); }
  }, true);
  el.addEventListener('change', e => {
    const c = e.target.dataset.choice;
    if (c && !send({ type: c, id: e.target.value })) toast('Not connected: nothing was changed.');
  });

  connect();
  return {
    visible(v) { if (v) write.fit(); },
    can: write.can,
  };
}
