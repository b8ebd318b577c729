// The event stream, one per browser: a SharedWorker holds the only EventSource
// of all pages. Where there is none, the page has its own and closes it while
// it is hidden; the next one goes on from the last event seen.
import { stream } from './stream.js';

export function live(handlers) {
  let last = Number(document.body.dataset.cursor) || 0;
  const take = ({ type, id, data }) => {
    if (type === 'up' || type === 'down') {
      document.documentElement.classList.toggle('offline', type === 'down');
      if (type === 'down') out();
      return;
    }
    if (type === 'stale') last = id;
    else if (id) { if (id <= last) return; last = id; }
    handlers[type]?.(data);
  };
  try {
    const worker = new SharedWorker(document.body.dataset.worker, { name: 'events', type: 'module' });
    const hello = () => worker.port.postMessage({ type: 'hello', after: last });
    worker.onerror = () => own(take, () => last);
    worker.port.onmessage = e => take(e.data);
    hello();
    addEventListener('pagehide', () => worker.port.postMessage({ type: 'bye' }));
    addEventListener('pageshow', e => { if (e.persisted) hello(); });
  } catch { own(take, () => last); }
}

// out shows the login page to who was logged out elsewhere. A daemon that is away
// answers nothing, and the page waits for it.
const out = () => fetch('/api/v1/volundr/me').then(r => { if (r.status === 401) location.reload(); }, () => {});

function own(take, last) {
  let close;
  const visible = () => {
    close?.();
    close = document.hidden ? null : stream(last(), take);
  };
  document.addEventListener('visibilitychange', visible);
  addEventListener('pagehide', () => close?.());
  visible();
}
