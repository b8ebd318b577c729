// Times that stay true: how long ago, how long already, and the local clock.

export function times() {
  const all = () => fresh(document);
  const tick = () => {
    if (document.hidden) return;
    for (const t of document.querySelectorAll('time[data-tick]')) running(t);
  };
  all(); tick();
  setInterval(tick, 1000);
  setInterval(all, 20000);
}

// fresh brings the times below an element up to date, and gives the element.
export function fresh(el) {
  if (!el) return el;
  const now = Date.now();
  for (const t of el.querySelectorAll('time')) {
    if ('tick' in t.dataset) running(t);
    else if ('clock' in t.dataset) set(t, new Date(t.dateTime).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    else if (t.classList.contains('since')) set(t, ago(now - Date.parse(t.dateTime)));
    else if (t.classList.contains('until')) set(t, ahead(Date.parse(t.dateTime) - now));
  }
  return el;
}

function running(t) { if (t.dateTime) set(t, took(Date.now() - Date.parse(t.dateTime))); }

function set(t, text) { if (t.textContent !== text) t.textContent = text; }

function ago(ms) {
  const min = Math.floor(ms / 60000);
  if (!(min >= 1)) return 'now';
  if (min < 60) return min + ' min';
  return min < 1440 ? Math.floor(min / 60) + ' h' : Math.floor(min / 1440) + ' d';
}

function ahead(ms) { return ms < 60000 ? 'now' : 'in ' + ago(ms); }

function took(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  return s < 60 ? s + ' s' : Math.floor(s / 60) + ' min ' + s % 60 + ' s';
}
