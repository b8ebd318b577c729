// The way of a session's branch to its remote: push, and the pull request with
// its checks, which is asked for while the Diffs pane is seen.
import { fragment, detail, toast } from './page.js';

const every = 30000;

export function work(pane, api, reload) {
  let timer, shown = false;
  const root = () => document.getElementById('pr');

  async function load() {
    clearTimeout(timer);
    if (!shown || document.hidden || !root()) return;
    timer = setTimeout(load, every);
    try {
      const res = await fetch(root().dataset.pr, { headers: { Accept: 'text/html' } });
      if (!res.ok) return;
      const next = fragment(await res.text()).firstElementChild;
      const open = root().querySelector('details')?.open;
      if (open && next.querySelector('details')) next.querySelector('details').open = true;
      root().replaceWith(next);
      pane.classList.toggle('has-pr', !next.hasAttribute('data-none'));
    } catch { /* the page says elsewhere that the daemon is away */ }
  }

  async function send(path, data) {
    try {
      const res = await fetch(api + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(data) });
      if (!res.ok) { toast(await detail(res)); return null; }
      return await res.json();
    } catch { toast('The daemon does not answer.'); return null; }
  }

  async function push(button) {
    button.disabled = true;
    const done = await send('/push' + at(), { branch: button.dataset.push });
    button.disabled = false;
    if (done) { toast(done.detail); reload(); load(); }
  }

  const at = () => '?' + new URLSearchParams({ repo: new URLSearchParams(document.getElementById('changes').dataset.query ?? '').get('repo') ?? '' });

  async function open() {
    const dialog = document.getElementById('open-pr'), form = dialog.querySelector('form');
    try {
      const res = await fetch(api + '/pr/text');
      if (res.ok) { const text = await res.json(); form.elements.title.value = text.title; form.elements.body.value = text.body; }
    } catch { /* it can be written by hand */ }
    form.onsubmit = async e => {
      e.preventDefault();
      const button = form.querySelector('.primary');
      button.disabled = true;
      const made = await sendPR({ title: form.elements.title.value, body: form.elements.body.value, target_branch: form.elements.target.value.trim() });
      button.disabled = false;
      if (made) { dialog.close(); toast(`Opened #${made.number}: ${made.title}`); load(); }
    };
    dialog.showModal();
  }

  async function sendPR(data) {
    const id = api.split('/').pop();
    try {
      const res = await fetch(api.slice(0, api.lastIndexOf('/sessions/')) + '/repos/prs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ session_id: id, ...data }) });
      if (!res.ok) { toast(await detail(res)); return null; }
      return await res.json();
    } catch { toast('The daemon does not answer.'); return null; }
  }

  pane.addEventListener('click', e => {
    const button = e.target.closest('[data-push]');
    if (button) push(button);
    if (e.target.closest('[data-open-pr]')) open();
  });
  document.addEventListener('visibilitychange', load);
  return { visible(v) { shown = v; if (v) load(); else clearTimeout(timer); } };
}
