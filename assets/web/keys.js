// Keys of every page. Fields and frames keep theirs.
import { typing } from './page.js';

export function keys() {
  let g = 0;
  document.addEventListener('keydown', e => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === 'Escape') {
      if (typing() && !document.querySelector('dialog[open]')) document.activeElement.blur();
      return;
    }
    if (typing() || document.querySelector('dialog[open]')) return;
    const after = e.timeStamp - g < 1000;
    g = 0;
    switch (e.key) {
      case 'n': location.assign('/sessions/new'); break;
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
