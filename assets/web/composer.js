// What is typed: a draft that survives a reload, pictures from the clipboard,
// send, queue, stop.
import { toast } from './page.js';
import { completion } from './complete.js';

const most = 5 << 20; // bytes of one picture
const whole = 8 << 20; // of a message, as the daemon takes it

export function composer(el, { busy, prompt, cancel }) {
  const box = el.querySelector('.composer'), form = document.getElementById('composer'), text = document.getElementById('prompt');
  const button = document.getElementById('send'), stop = document.getElementById('stop-turn'), list = document.getElementById('attachments');
  const key = 'draft-' + text.dataset.draft;
  let pictures = [];
  const complete = completion(text, form);

  const store = v => { try { if (v) localStorage.setItem(key, JSON.stringify([v, ...complete.picked])); else localStorage.removeItem(key); } catch { /* no storage: no draft */ } };
  const fit = () => { text.rows = Math.min(12, Math.max(1, text.value.split('\n').length, Math.ceil(text.value.length / 90))); };
  try {
    const [draft, ...files] = JSON.parse(localStorage.getItem(key) ?? '[]');
    if (draft && !text.value) { text.value = draft; for (const f of files) complete.picked.add(f); }
  } catch { /* no storage */ }

  const state = () => {
    button.textContent = busy() ? 'Queue' : 'Send';
    stop.hidden = !busy();
  };

  text.addEventListener('input', () => { store(text.value); fit(); });
  text.addEventListener('keydown', e => {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener('submit', e => {
    e.preventDefault();
    const blocks = pictures.map(p => ({ type: 'image', mime: p.mime, data: p.data }));
    blocks.push(...complete.blocks(text.value));
    if (!blocks.length) return;
    if (new Blob([JSON.stringify(blocks)]).size > whole) { // and what was typed stays
      toast('The message is larger than 8 MiB. Put long texts into a file of the workspace and name it with @.');
      return;
    }
    prompt(blocks);
    text.value = '';
    complete.picked.clear();
    complete.shut();
    pictures = [];
    draw(); store(''); fit();
  });
  stop.addEventListener('click', cancel);

  async function take(files, e) {
    const some = [...files].filter(f => /^image\/(png|jpeg|gif|webp)$/.test(f.type));
    if (!some.length) return;
    e.preventDefault();
    for (const f of some) {
      if (f.size > most) { toast('A picture may have 5 MB at most.'); continue; }
      const url = await new Promise((ok, no) => { const r = new FileReader(); r.onload = () => ok(r.result); r.onerror = no; r.readAsDataURL(f); });
      pictures.push({ mime: f.type, data: url.slice(url.indexOf(',') + 1), url });
    }
    draw();
  }
  text.addEventListener('paste', e => take(e.clipboardData.files, e));
  box.addEventListener('dragover', e => e.preventDefault());
  box.addEventListener('drop', e => take(e.dataTransfer.files, e));

  function draw() {
    text.required = !pictures.length;
    list.replaceChildren(...pictures.map((p, i) => {
      const b = document.createElement('button'), img = document.createElement('img');
      b.type = 'button';
      b.title = 'Remove this picture';
      img.src = p.url;
      img.alt = 'Picture ' + (i + 1) + ', remove';
      b.append(img);
      b.onclick = () => { pictures.splice(i, 1); draw(); text.focus(); };
      return b;
    }));
  }

  state(); fit();
  return {
    state, fit,
    // back puts a message that was not taken where it was typed.
    back(blocks) {
      if (text.value || pictures.length) return; // there is a newer one
      text.value = blocks.filter(b => b.type === 'text').map(b => b.text).join('\n');
      pictures = blocks.filter(b => b.type === 'image').map(b => ({ ...b, url: `data:${b.mime};base64,${b.data}` }));
      draw(); store(text.value); fit();
    },
    can(yes) {
      form.hidden = !yes;
      document.getElementById('composer-closed').hidden = yes;
    },
  };
}
