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
    const of = at();
    try {
      const res = await fetch(root().dataset.pr + of, { headers: { Accept: 'text/html' } });
      if (!res.ok || of !== at()) return; // another repository is shown by now
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

  const repo = () => document.getElementById('changes').dataset.repo ?? '';
  const at = () => '?' + new URLSearchParams({ repo: repo() });

  async function open() {
    const dialog = document.getElementById('open-pr'), form = dialog.querySelector('form'), of = repo();
    try {
      const res = await fetch(api + '/pr/text' + at());
      if (res.ok) { const text = await res.json(); form.elements.title.value = text.title; form.elements.body.value = text.body; }
    } catch { /* it can be written by hand */ }
    form.onsubmit = async e => {
      e.preventDefault();
      const button = form.querySelector('.primary');
      button.disabled = true;
      const made = await sendPR({ repo: of, title: form.elements.title.value, body: form.elements.body.value, target_branch: form.elements.target.value.trim() });
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
  // moved is told when another repository is shown: what is known of the one before
  // does not stand there any longer.
  function moved() {
    root().replaceChildren();
    root().setAttribute('data-none', '');
    pane.classList.remove('has-pr');
    load();
  }

  return { moved, visible(v) { shown = v; if (v) load(); else clearTimeout(timer); } };
}
