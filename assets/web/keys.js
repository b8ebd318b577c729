// Keys of every page. Fields and frames keep theirs.
import { typing } from './page.js';

export function keys() {
  let g = 0;
  // A template that was chosen is begun once, whoever clicks or presses twice.
  document.querySelector('[data-begin]')?.addEventListener('submit', e => { e.currentTarget.open = false; });
  document.addEventListener('keydown', e => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === 'Escape') {
      const begin = document.querySelector('[data-begin][open]');
      if (begin) { begin.open = false; begin.querySelector('summary').focus(); }
      if (typing() && !document.querySelector('dialog[open]')) document.activeElement.blur();
      return;
    }
    if (typing() || document.querySelector('dialog[open]')) return;
    const after = e.timeStamp - g < 1000;
    g = 0;
    switch (e.key) {
      case 'n': location.assign('/sessions/new'); break;
      case 't': { const begin = document.querySelector('[data-begin]'); if (!begin) { location.assign('/sessions/new'); break; } begin.open = !begin.open; begin.querySelector('summary').focus(); break; }
      case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9': {
        const chosen = document.querySelector(`[data-begin][open] [data-begin-key="${e.key}"]`);
        if (!chosen) return;
        chosen.click();
        break;
      }
      case 'g': g = e.timeStamp; break;
      case 'c': if (after) { location.assign('/chronicles'); break; } return;
      case 'd': if (after) { location.assign('/'); break; } return;
      case '?': document.getElementById('keys').showModal(); break;
      case '/': { const field = document.querySelector('#q, #prompt'); if (!field?.offsetParent) return; field.focus(); break; }
      default: return;
    }
    e.preventDefault();
  });
}
