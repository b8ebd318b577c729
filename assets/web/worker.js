// The SharedWorker: one event stream for all pages of this browser. It keeps
// the events of the last while, so that a page that comes late misses none.
import { stream } from './stream.js';

const keep = 500;
const ports = new Set();
const held = new Map(); // the last of those that are not numbered
let close = null, first = 0, recent = [], down = false;

onconnect = e => {
  const port = e.ports[0];
  port.onmessage = ({ data: m }) => {
    if (m.type === 'bye') {
      ports.delete(port);
      if (!ports.size) { close?.(); close = null; }
      return;
    }
    ports.add(port);
    if (!close) {
      first = m.after;
      recent = [];
      held.clear();
      close = stream(m.after, take);
      return;
    }
    if (m.after < first) port.postMessage({ type: 'stale', id: m.after, data: {} }); // away for longer than we remember
    for (const ev of recent) if (ev.id > m.after) port.postMessage(ev);
    for (const ev of held.values()) port.postMessage(ev);
    if (down) port.postMessage({ type: 'down' });
  };
};

function take(ev) {
  if (ev.type === 'up' || ev.type === 'down') down = ev.type === 'down';
  if (ev.type === 'stale') { first = ev.id; recent = []; }
  if (/^(stats|image|trouble)$/.test(ev.type)) held.set(ev.type, ev);
  if (ev.type !== 'stale' && ev.id) {
    recent.push(ev);
    if (recent.length > keep) first = recent.shift().id;
  }
  for (const p of ports) p.postMessage(ev);
}
