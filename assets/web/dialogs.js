// Dialogs: the sheet of keys, and the questions before something is lost. The
// links behind them lead to pages that ask the same, for when this fails.
import { fragment, detail, toast } from './page.js';

export function dialogs() {
  document.addEventListener('click', e => {
    if (e.target.closest('[data-keys]')) document.getElementById('keys').showModal();
    if (e.target.closest('[data-close]')) e.target.closest('dialog').close();
    if (e.target.tagName === 'DIALOG') e.target.close(); // beside it
    const link = e.target.closest('a[data-confirm]');
    if (link && !e.metaKey && !e.ctrlKey && !e.shiftKey) { e.preventDefault(); confirm(link); }
  });
  // What changes a session is sent without leaving the page; the answer comes
  // by the event stream.
  document.addEventListener('submit', async e => {
    const form = e.target.closest('[data-act], [data-answer]');
    if (!form || location.pathname === '/found') return;
    e.preventDefault();
    await post(form.getAttribute('action'), 'answer' in form.dataset ? new URLSearchParams(new FormData(form, e.submitter)) : undefined);
  });
}

export async function post(url, body) {
  try {
    const res = await fetch(url, { method: 'POST', headers: { Accept: 'application/json' }, body });
    if (!res.ok) toast(await detail(res));
    return res.ok;
  } catch { toast('The daemon does not answer.'); return false; }
}

async function confirm(link) {
  const act = link.dataset.confirm, id = link.dataset.id;
  const dialog = document.getElementById('confirm-' + act);
  const form = dialog.querySelector('form');
  dialog.querySelector('[data-name]').textContent = link.dataset.name;
  form.action = link.href;
  form.onsubmit = async e => {
    e.preventDefault();
    dialog.close();
    if (await post(form.action) && act === 'delete' && document.body.dataset.page === 'session') location.assign('/');
  };
  for (const lesser of dialog.querySelectorAll('[data-lesser]')) {
    const what = lesser.dataset.lesser;
    lesser.hidden = !((what === 'stop' ? 'running' : what) in link.dataset);
    lesser.href = '/sessions/' + id + '/' + what;
    lesser.onclick = e => { e.preventDefault(); dialog.close(); post(lesser.href); };
  }
  const loss = dialog.querySelector('[data-loss]');
  loss.replaceChildren(Object.assign(document.createElement('p'), { className: 'dim', textContent: 'Asking the session what would be lost…' }));
  dialog.showModal();
  try {
    const res = await fetch(`/sessions/${id}/loss?act=${act}`);
    loss.replaceChildren(res.ok ? fragment(await res.text()) : 'What would be lost is not known: ' + await detail(res));
  } catch { loss.textContent = 'What would be lost is not known: the daemon does not answer.'; }
}
