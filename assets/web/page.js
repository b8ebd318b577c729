// Small things that several modules need: placing HTML, copying, telling.
import { fresh } from './times.js';

// fragment makes one element of the HTML that our own server rendered.
export function fragment(html) {
  const t = document.createElement('template');
  t.innerHTML = html;
  return t.content;
}

// place puts a rendered element where its id says, and returns it. Nodes that
// are the same stay untouched and what the reader opened stays open, so that a
// selection and the focus survive and nothing flickers. missing is asked for
// elements that the page does not have.
export function place(html, missing) {
  const next = fragment(html).firstElementChild;
  const old = next && document.getElementById(next.id);
  if (!old) return next && missing ? fresh(missing(next)) : null;
  if (old.tagName !== next.tagName) { old.replaceWith(next); return fresh(next); }
  morph(old, next);
  return fresh(old);
}

function morph(old, next) {
  if (old.tagName === 'DETAILS' && old.dataset.touched) { next.open = old.open; next.dataset.touched = '1'; }
  for (const a of [...old.attributes]) if (!next.hasAttribute(a.name)) old.removeAttribute(a.name);
  for (const a of next.attributes) if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  const a = [...old.childNodes], b = [...next.childNodes];
  b.forEach((n, i) => {
    const o = a[i];
    if (!o) old.append(n);
    else if (o.isEqualNode(n)) return;
    else if (o.nodeType === 1 && o.tagName === n.tagName) morph(o, n);
    else o.replaceWith(n);
  });
  for (const o of a.slice(b.length)) o.remove();
}

// toast tells a sentence for a while.
export function toast(text) {
  const p = document.createElement('p');
  p.textContent = text;
  document.getElementById('toasts').append(p);
  setTimeout(() => p.remove(), 8000);
}

// detail gives the sentence of an error answer.
export async function detail(res) {
  try {
    const d = (await res.json()).detail;
    return typeof d === 'string' ? d : d.map(p => p.msg).join(' ');
  } catch { return `The daemon answered ${res.status}.`; }
}

export function copyButtons() {
  document.addEventListener('click', async e => {
    const b = e.target.closest('[data-copy]');
    if (!b) return;
    try {
      await navigator.clipboard.writeText(b.parentElement.querySelector('pre').textContent);
      b.textContent = 'Copied';
    } catch { b.textContent = 'Not allowed'; }
    setTimeout(() => { b.textContent = 'Copy'; }, 1500);
  });
  document.addEventListener('click', e => { // remember what the reader opened or closed
    const s = e.target.closest('summary');
    if (s) s.parentElement.dataset.touched = '1';
  });
}

// typing reports whether keys go into a field now.
export function typing() {
  const a = document.activeElement;
  return !!a && (a.isContentEditable || /^(INPUT|TEXTAREA|SELECT|IFRAME)$/.test(a.tagName));
}
