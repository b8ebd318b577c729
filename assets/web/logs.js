// The log: asked for every two seconds while it is seen.

export function logs(pane) {
  const list = document.getElementById('log-lines');
  let timer, shown = false, last = '';

  async function load() {
    clearTimeout(timer);
    if (!shown || document.hidden) return;
    try {
      const res = await fetch(pane.dataset.logs);
      if (res.ok) draw((await res.json()).lines);
    } catch { /* the page says elsewhere that the daemon is away */ }
    timer = setTimeout(load, 2000);
  }

  function draw(lines) {
    const key = lines.length + (lines.at(-1)?.time ?? '') + (lines.at(-1)?.message ?? '');
    if (key === last) return;
    last = key;
    const end = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.replaceChildren(...lines.map(line));
    document.getElementById('log-empty').hidden = lines.length > 0;
    if (end) list.scrollTop = list.scrollHeight;
  }

  function line(l) {
    const row = document.createElement('span');
    row.className = 'log log-' + ({ ERROR: 'bad', CRITICAL: 'bad', WARNING: 'warn' }[l.level] ?? 'info');
    const time = document.createElement('time'), part = document.createElement('i'), text = document.createElement('span');
    time.textContent = new Date(l.timestamp * 1000).toLocaleTimeString([], { hour12: false });
    part.textContent = l.logger;
    text.textContent = l.message;
    row.append(time, part, text);
    return row;
  }

  document.addEventListener('visibilitychange', load);
  return {
    visible(v) {
      if (v && !shown) setTimeout(() => { list.scrollTop = list.scrollHeight; });
      shown = v;
      if (v) load(); else clearTimeout(timer);
    },
  };
}
