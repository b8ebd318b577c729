// The branches of a repository, offered as one types. That it cannot be asked is
// said beside the field and stops nobody: the form asks it again when it is sent.
import { detail } from './page.js';

const most = 500; // of a list that a browser shows

// branches offers those of the repository that a field names, in the list that
// the fields for branches share.
export function branches(form, repository, fields, note) {
  const list = fields[0].list;
  let asked = '', ask = new AbortController();
  const look = async () => {
    const repo = repository.value.trim();
    if (repo === asked) return;
    asked = repo;
    ask.abort();
    ask = new AbortController();
    list.replaceChildren();
    tell('');
    if (!repo || form.source.value !== 'git') { asked = ''; return; }
    const { signal } = ask;
    try {
      tell('Asking the repository for its branches…');
      const res = await fetch('/api/v1/volundr/repos/branches?repo_url=' + encodeURIComponent(repo), { signal, headers: { Accept: 'application/json' } });
      const names = res.ok ? await res.json() : [], said = res.ok ? '' : await detail(res);
      if (signal.aborted) return;
      if (!res.ok) { asked = ''; tell('Its branches are not known: ' + said, true); return; } // the next look may know more
      list.replaceChildren(...names.slice(0, most).map(value => Object.assign(document.createElement('option'), { value })));
      tell(names.length ? names.length === 1 ? 'It has one branch, ' + names[0] + '.' : `It has ${names.length} branches, ${names[0]} first.` : 'It has no branch yet.');
    } catch { if (!signal.aborted) { asked = ''; tell('Its branches are not known: the daemon does not answer.', true); } }
  };
  const tell = (text, bad) => { note.textContent = text; note.classList.toggle('problem', !!bad); };
  repository.addEventListener('change', look);
  for (const field of fields) field.addEventListener('focus', look);
  for (const choice of form.source) choice.addEventListener('change', look);
  if (repository.value) look();
}
