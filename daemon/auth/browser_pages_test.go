//go:build linux

package auth_test

// The pages that a browser is sent through. Each does what its origin can do
// and reports what came of it to its own server. ATTACK below is a path that no
// page but the control UI's may reach.

// attackJS tries everything that a page can do to another origin.
const attackJS = `
const within = (ms, p) => Promise.race([p, new Promise(r => setTimeout(() => r('timeout'), ms))]);
const socket = (url, say) => within(5000, new Promise(done => {
  let ws; try { ws = new WebSocket(url) } catch (e) { return done('blocked') }
  ws.onopen = () => say ? ws.send(say) : done('open');
  ws.onmessage = e => done('echo ' + e.data);
  ws.onerror = () => done('refused');
}));
const frame = (make, loads = 1) => within(5000, new Promise(done => {
  const f = document.createElement('iframe'); f.name = 'f' + Math.random();
  f.onload = () => --loads || done('loaded'); document.body.append(f); make(f);
}));
const attack = async (from, base) => {
  const out = {}, url = how => base + '/api/attack?from=' + from + '&how=' + how;
  const get = (how, opt) => within(5000, fetch(url(how), opt).then(r => r.type === 'opaque' ? 'opaque' : r.text(), () => 'blocked'));
  out.fetch = await get('fetch', {credentials: 'include'});
  out.nocors = await get('nocors', {credentials: 'include', mode: 'no-cors'});
  out.post = await get('post', {method: 'POST', body: 'x', credentials: 'include', mode: 'no-cors'});
  out.preflight = await get('preflight', {method: 'PUT', headers: {'X-A': 'b'}, credentials: 'include'});
  out.noreferrer = await get('noreferrer', {method: 'POST', body: 'x', credentials: 'include', mode: 'no-cors', referrerPolicy: 'no-referrer'});
  out.beacon = String(navigator.sendBeacon(url('beacon'), 'x'));
  out.image = await within(5000, new Promise(d => { const i = new Image(); i.onload = () => d('loaded'); i.onerror = () => d('blocked'); i.src = url('image') }));
  out.script = await within(5000, new Promise(d => { const i = document.createElement('script'); i.onload = () => d('loaded'); i.onerror = () => d('blocked'); i.src = url('script'); document.head.append(i) }));
  out.frame = await frame(f => f.src = url('frame'));
  out.form = await frame(f => { const m = document.createElement('form'); m.method = 'post'; m.action = url('form'); m.target = f.name; document.body.append(m); m.submit() });
  out.sandbox = await frame(f => { f.sandbox = 'allow-scripts allow-forms'; f.srcdoc = '<form method=post action="' + url('sandbox') + '"></form><script>document.forms[0].submit()<\/script>' }, 2);
  out.socket = await socket(base.replace('http', 'ws') + '/ws?how=socket&from=' + from);
  return out;
};
const program = base => base.replace(/\/\/[^:]*/, '//localhost');
const report = (name, value) => fetch('/report?name=' + name, {method: 'POST', body: JSON.stringify(value)});
`

// controlJS is the control UI: it works, frames a surface, and leaves for the
// page of another server when the surface is through.
const controlJS = attackJS + `
(async () => {
  const at = new URLSearchParams(location.search);
  const who = await fetch('/api/who').then(r => r.text());
  if (at.has('last')) { await report('last', {who}); return location = at.get('then') || '/done' }
  if (location.pathname === '/formed') return finish();
  const todo = await fetch('/api/todo').then(r => r.json());
  if (todo.next) { await report('first', {who}); return location = todo.next }
  const out = {who};
  out.post = await fetch('/api/change', {method: 'POST', body: 'x'}).then(r => r.text());
  out.socket = await socket(location.origin.replace('http', 'ws') + '/ws', 'hi');
  await report('control', out);
  const f = document.createElement('form'); f.method = 'post'; f.action = '/api/form'; document.body.append(f); f.submit();
})();
function finish() {
  let surface = '';
  addEventListener('message', async e => {
    if (e.data.surface) return surface = e.data.surface;
    await report('framed', e.data);
    location = (await fetch('/api/todo').then(r => r.json())).evil + '?surface=' + encodeURIComponent(surface);
  });
  const f = document.createElement('iframe');
  f.sandbox = 'allow-scripts allow-same-origin allow-forms allow-popups allow-downloads';
  f.src = '/s/editor';
  document.body.append(f);
}
`

// surfaceJS is a hostile page inside a session.
const surfaceJS = attackJS + `
(async () => {
  const at = new URLSearchParams(location.search), base = at.get('control');
  parent.postMessage({surface: location.origin}, '*');
  const out = {top: 'kept', before: document.cookie};
  out.own = await fetch('/own').then(r => r.text());
  out.post = await fetch('/own', {method: 'POST', body: 'x'}).then(r => r.text());
  out.socket = await socket(location.origin.replace('http', 'ws') + '/ws', 'hi');
  out.worker = await within(5000, navigator.serviceWorker ? navigator.serviceWorker.register('/sw.js').then(() => 'registered', e => 'refused ' + e.name) : Promise.resolve('none'));
  out.nested = await frame(f => f.src = '/nested');
  document.cookie = 'tossed=1; Domain=localhost; Path=/';
  const host = new URL(base).hostname;
  document.cookie = 'volundr-tossed=1; Domain=' + host + '; Path=/';
  for (const name of [at.get('cookie'), at.get('cookie').replace('__Host-', '')]) // over the one of the login
    for (const rest of ['', '; Secure', '; Domain=' + host, '; Secure; Domain=' + host]) document.cookie = name + '=tossed; Path=/' + rest;
  try { top.location = '/stolen'; } catch (e) { out.top = 'refused' }
  out.attack = await attack('surface', base);
  out.program = await attack('surface-program', program(base));
  await report('surface', out);
  parent.postMessage(out, '*');
})();
`

// evilJS is another server on another port of localhost.
const evilJS = attackJS + `
(async () => {
  const at = new URLSearchParams(location.search), todo = await fetch('/todo').then(r => r.json());
  document.cookie = 'planted=1; Path=/';
  const out = {cookie: document.cookie};
  out.attack = await attack('evil', todo.control);
  out.program = await attack('evil-program', program(todo.control));
  await frame(f => f.src = at.get('surface') + '/framed');
  out.read = await within(5000, fetch(at.get('surface') + '/own?evil').then(r => r.text(), () => 'blocked'));
  out.socket = await socket(at.get('surface').replace('http', 'ws') + '/ws', 'hi');
  await report('evil', out);
  location = todo.next;
})();
`
