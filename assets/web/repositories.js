// The repositories of a new session: the first, and those that are added.
import { branches } from './branches.js';

export function repositories(form) {
  const field = id => document.getElementById(id);
  branches(form, field('repo'), [field('branch'), field('base_branch')], field('branches-note'));
  const add = field('add-repository'), made = field('another');
  const take = row => {
    const [repo, branch, base] = row.querySelectorAll('input');
    branches(form, repo, [branch, base], row.querySelector('[data-note]'));
    row.querySelector('button').addEventListener('click', e => {
      e.preventDefault();
      const next = row.nextElementSibling.querySelector('input');
      row.remove();
      (next ?? add.firstElementChild).focus();
    });
  };
  const rows = form.querySelectorAll('.another');
  let count = rows.length;
  rows.forEach(take);
  add.firstElementChild.addEventListener('click', e => {
    e.preventDefault();
    const row = made.content.cloneNode(true).firstElementChild, n = count++;
    for (const el of [row, ...row.querySelectorAll('*')])
      for (const { name, value } of [...el.attributes]) if (/^(id|for|list)$/.test(name)) el.setAttribute(name, value.replace(/_N$/, '_' + n));
    made.before(row);
    take(row);
    row.querySelector('input').focus();
  });
}
