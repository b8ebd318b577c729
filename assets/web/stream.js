// One EventSource that comes back by itself. Events of sessions carry their
// number; totals and progress do not, for the last of them is all that counts.

export function stream(after, tell) {
  let last = after, source, timer;
  const on = (type, counted) => source.addEventListener(type, e => {
    const data = JSON.parse(e.data), id = counted ? Number(e.lastEventId) : 0;
    if (type === 'stale') last = data.id; else if (counted) last = id;
    tell({ type, id: type === 'stale' ? data.id : id, data });
  });
  const open = () => {
    source = new EventSource('/events?after=' + last);
    source.onopen = () => tell({ type: 'up' });
    source.onerror = () => {
      tell({ type: 'down' });
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 2000);
    };
    on('session', true); on('gone', true);
    on('stats'); on('image'); on('trouble'); on('stale');
  };
  open();
  return () => { clearTimeout(timer); source.close(); };
}
