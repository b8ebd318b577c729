// Completion in the message: "/" at its beginning offers the agent's commands
// and the prompts that one keeps, "@" the files of the workspace. A combobox as ARIA has it: the focus stays in
// the field, the list is walked with the arrows.
export function completion(text, form) {
  const list = form.appendChild(Object.assign(document.createElement('ul'), { id: 'completions', hidden: true }));
  const told = form.appendChild(Object.assign(document.createElement('p'), { className: 'sr' }));
  list.setAttribute('role', 'listbox');
  told.setAttribute('role', 'status');
  let options = [], at = 0, from = 0, closed = '', asked = 0, timer, under, prompts;

  const open = () => !list.hidden;
  function shut() {
    clearTimeout(timer);
    under?.abort();
    asked++;
    list.hidden = true;
    told.textContent = '';
    for (const a of ['role', 'aria-expanded', 'aria-controls', 'aria-autocomplete', 'aria-haspopup', 'aria-activedescendant']) text.removeAttribute(a);
  }

  // look finds what is being typed before the caret, and what fits it.
  function look(typed) {
    const head = text.value.slice(0, text.selectionStart);
    const m = text.selectionStart === text.selectionEnd && (/^\/(\S*)$/.exec(head) ?? /(?:^|\s)@([^\s@]*)$/.exec(head));
    if (!m || head === closed) { shut(); return; }
    closed = '';
    from = head.length - m[1].length - 1;
    if (head[from] === '/') {
      if (!prompts || typed && head === '/') kept();
      show('Commands', commands(m[1].toLowerCase()));
    } else {
      clearTimeout(timer);
      timer = setTimeout(files, open() ? 60 : 120, m[1]);
    }
  }

  function commands(q) {
    const all = [...document.querySelectorAll('#chat-commands [data-command]')].map(c => ({ value: '/' + c.dataset.command, name: '/' + c.dataset.command, hint: c.textContent }));
    const low = o => o.name.replace('/', '').toLowerCase();
    all.push(...prompts);
    return [...all.filter(o => low(o).startsWith(q)), ...all.filter(o => !low(o).startsWith(q) && low(o).includes(q))];
  }

  // kept asks for the prompts; the agent's commands are offered meanwhile.
  async function kept() {
    prompts ??= [];
    try {
      const res = await fetch(text.dataset.prompts);
      if (!res.ok) return;
      prompts = (await res.json()).map(p => ({ value: p.content, name: p.name, hint: (p.scope === 'repository' ? 'of the repository: ' : '') + p.content.split('\n', 1)[0], whole: true }));
    } catch { return; } // none are offered
    const was = open() && options[at];
    if (text.value[0] === '/' && document.activeElement === text) look();
    const i = open() ? options.findIndex(o => o.name === was?.name && o.whole === was?.whole) : -1;
    if (i >= 0) mark(i);
  }

  async function files(q) {
    under?.abort();
    under = new AbortController();
    const mine = ++asked;
    try {
      const res = await fetch(text.dataset.files + '?q=' + encodeURIComponent(q), { signal: under.signal });
      if (!res.ok) throw new Error();
      const { files } = await res.json();
      if (mine !== asked) return;
      show('Files', files.map(f => {
        const cut = f.lastIndexOf('/') + 1;
        return { value: '@' + f, name: f.slice(cut), hint: f.slice(0, cut), file: f };
      }));
    } catch { if (mine === asked) shut(); } // the session does not say: nothing is offered
  }

  function show(label, found) {
    options = found;
    if (!found.length) { shut(); return; }
    list.setAttribute('aria-label', label);
    list.replaceChildren(...found.map((o, i) => {
      const li = document.createElement('li'), name = document.createElement('b'), hint = document.createElement('span');
      li.id = 'completion-' + i;
      li.setAttribute('role', 'option');
      name.textContent = o.name;
      hint.textContent = o.hint;
      li.append(name, ' ', hint);
      li.onpointerdown = e => e.preventDefault(); // the focus stays in the field
      li.onclick = () => take(i);
      return li;
    }));
    list.hidden = false;
    told.textContent = `${found.length} ${label.toLowerCase()}, arrows to choose, Enter to take`;
    for (const [k, v] of [['role', 'combobox'], ['aria-expanded', 'true'], ['aria-controls', 'completions'], ['aria-autocomplete', 'list'], ['aria-haspopup', 'listbox']]) text.setAttribute(k, v);
    mark(0);
  }

  function mark(i) {
    at = (i + options.length) % options.length;
    [...list.children].forEach((li, n) => li.setAttribute('aria-selected', String(n === at)));
    text.setAttribute('aria-activedescendant', 'completion-' + at);
    list.children[at].scrollIntoView({ block: 'nearest' });
  }

  function take(i) {
    const o = options[i], rest = text.value.slice(text.selectionStart);
    const word = o.value + (o.whole || /^\s/.test(rest) ? '' : ' ');
    if (o.file) picked.add(o.file);
    text.setRangeText(word, from, text.selectionStart, 'end');
    shut();
    text.focus();
    text.dispatchEvent(new Event('input'));
  }

  text.addEventListener('input', e => { if (!e.isComposing) look(true); });
  text.addEventListener('click', () => look());
  text.addEventListener('blur', shut);
  text.addEventListener('keyup', e => { if (/^(Arrow(Left|Right)|Home|End)$/.test(e.key)) look(); });
  // Before the composer hears of it: Enter takes what is offered, and sends what
  // is typed out already.
  text.addEventListener('keydown', e => {
    if (!open() || e.isComposing || e.shiftKey || e.ctrlKey || e.metaKey || e.altKey) return;
    const whole = text.value.slice(from, text.selectionStart) === options[at].value;
    if (e.key === 'ArrowDown') mark(at + 1);
    else if (e.key === 'ArrowUp') mark(at - 1);
    else if (e.key === 'Escape') { closed = text.value.slice(0, text.selectionStart); shut(); }
    else if (e.key === 'Tab' || e.key === 'Enter' && !whole) take(at);
    else { if (e.key === 'Enter') shut(); return; }
    e.preventDefault();
    e.stopImmediatePropagation();
  });

  // Files that were chosen here are files in the message; what only looks like
  // one is text.
  const picked = new Set();
  if (document.activeElement === text) look(); // somebody was faster than this script
  return {
    shut,
    picked,
    blocks(value) {
      const names = [...picked].filter(f => value.includes('@' + f)).sort((a, b) => b.length - a.length);
      if (!names.length) return value.trim() ? [{ type: 'text', text: value }] : [];
      const any = new RegExp('(?<=^|\\s)@(' + names.map(n => n.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|') + ')(?![\\w/-])', 'g');
      const out = [];
      let end = 0;
      for (const m of value.matchAll(any)) {
        if (m.index > end) out.push({ type: 'text', text: value.slice(end, m.index) });
        out.push({ type: 'file', text: m[1] });
        end = m.index + m[0].length;
      }
      if (end < value.length) out.push({ type: 'text', text: value.slice(end) });
      return out;
    },
  };
}
