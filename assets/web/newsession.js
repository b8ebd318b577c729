// The form of a new session: what was typed as a repository may be a folder.
import { repositories } from './repositories.js';

export function newSession() {
  const form = document.getElementById('new-session');
  if (form.repo) repositories(form);
  form.repo?.addEventListener('change', () => {
    if (/^(~|\.{1,2})\//.test(form.repo.value)) { // a path that only a person understands
      form.local_path.value = form.repo.value;
      form.source.value = 'folder';
    }
  });
  const keep = form.querySelector('.keep');
  keep.addEventListener('toggle', () => { if (keep.open) form.save_as.focus(); });
  keep.addEventListener('keydown', e => { if (e.key === 'Escape') { keep.open = false; keep.firstElementChild.focus(); } });
  form.save_as.addEventListener('keydown', e => { // Enter there keeps it, and creates nothing
    if (e.key !== 'Enter') return;
    e.preventDefault();
    form.querySelector('[value=preset]').click();
  });
  form.addEventListener('submit', e => { if (!e.submitter?.name) form.querySelector('.form-end .primary').disabled = true; });
  addEventListener('pageshow', () => { form.querySelector('.form-end .primary').disabled = false; });
}
