// Runs before the first paint: the theme that was chosen, else the system's.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* no storage: the system's theme */ }
document.documentElement.classList.add('js');
