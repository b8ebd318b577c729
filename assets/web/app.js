// What every page has: live events, dialogs, keys, theme, times.
import { live } from './live.js';
import { dialogs } from './dialogs.js';
import { keys } from './keys.js';
import { times } from './times.js';
import { copyButtons, toast } from './page.js';

const page = document.body.dataset.page;
dialogs();
keys();
times();
copyButtons();
theme();

if (page === 'dashboard') import('./dashboard.js').then(m => live(m.dashboard()));
if (page === 'session') import('./session.js').then(m => live(m.session()));
if (page === 'new') import('./newsession.js').then(m => m.newSession());

function theme() {
  document.addEventListener('click', e => {
    if (!e.target.closest('[data-theme-switch]')) return;
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try { localStorage.setItem('theme', root.dataset.theme); } catch { toast('The theme is kept until this page is closed.'); }
  });
}
