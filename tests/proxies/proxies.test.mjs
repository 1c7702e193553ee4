// A reverse proxy in front of `ferrum serve`, with the configuration of docs/serving.md: TLS and HTTP/2 outside, under
// the path /llm/.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { model, root, serveModel } from '../support/server.mjs';

const proxy = process.env.FERRUM_PROXY;
const host = 'llm.example';
const folder = mkdtempSync(path.join(os.tmpdir(), 'ferrum-proxy-'));
const fileIn = (name) => path.join(folder, name);
let server;
let child;
let port;

// The block of docs/serving.md in this language.
function documented(language) {
  const block = readFileSync(path.join(root, 'docs', 'serving.md'), 'utf8').match(
    new RegExp('^```' + language + '\\n([^]*?)^```$', 'm'),
  );
  assert.ok(block, `docs/serving.md has no block of ${language}`);
  return block[1];
}

function replaced(text, replacements) {
  for (const [from, to] of replacements) {
    assert.ok(text.includes(from), `the configuration lacks ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

function freePort() {
  return new Promise((resolve) => {
    const listener = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

function makeCertificate() {
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`],
    ...['-keyout', fileIn('key.pem'), '-out', fileIn('cert.pem')],
  ], { stdio: 'ignore' });
  writeFileSync(fileIn('both.pem'), readFileSync(fileIn('cert.pem')) + readFileSync(fileIn('key.pem')));
}

// Each returns the proxy's command line.
const commands = {
  nginx(upstream) {
    const site = replaced(documented('nginx'), [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['/etc/ssl/llm.example.crt', fileIn('cert.pem')],
      ['/etc/ssl/llm.example.key', fileIn('key.pem')],
      ['127.0.0.1:8000', upstream],
    ]);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${fileIn(name)};`);
    writeFileSync(
      fileIn('nginx.conf'),
      `${process.getuid() === 0 ? 'user root; ' : ''}daemon off; pid ${fileIn('pid')}; error_log stderr; events {}\nhttp { access_log off; ${temporary.join(' ')}\n${site}}\n`,
    );
    return ['nginx', '-e', 'stderr', '-p', folder, '-c', fileIn('nginx.conf')];
  },
  haproxy(upstream) {
    const config = replaced(documented('haproxy'), [
      ['bind :443 ssl', `bind 127.0.0.1:${port} ssl`],
      ['/etc/haproxy/llm.example.pem', fileIn('both.pem')],
      ['127.0.0.1:8000', upstream],
    ]);
    writeFileSync(fileIn('haproxy.cfg'), config);
    return ['haproxy', '-db', '-f', fileIn('haproxy.cfg')];
  },
  caddy(upstream) {
    const site = replaced(documented('caddyfile'), [
      ['llm.example {', `https://llm.example:${port} {\n\tbind 127.0.0.1\n\ttls ${fileIn('cert.pem')} ${fileIn('key.pem')}`],
      ['127.0.0.1:8000', upstream],
    ]);
    writeFileSync(fileIn('Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
    return ['caddy', 'run', '--adapter', 'caddyfile', '--config', fileIn('Caddyfile')];
  },
};

async function accepts(port) {
  for (;;) {
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('close', () => {}).unref();
      setTimeout(() => socket.destroy(), 50).unref();
    });
    if (open) return;
    assert.equal(child.exitCode, null, `${proxy} ended`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

before(async () => {
  port = await freePort();
  makeCertificate();
  server = await serveModel(model, '--allowed-host', host);
  const [program, ...options] = commands[proxy](new URL(server.url).host);
  child = spawn(program, options, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, HOME: folder } });
  await accepts(port);
});

after(async () => {
  child?.kill('SIGTERM');
  await server?.stop();
  rmSync(folder, { recursive: true });
});

function connect() {
  return http2.connect(`https://127.0.0.1:${port}`, { ca: readFileSync(fileIn('cert.pem')), servername: host });
}

function open(session, target, headers = {}, body) {
  const all = { ':path': target, ':authority': `${host}:${port}`, ...headers };
  if (body !== undefined) Object.assign(all, { ':method': 'POST', 'content-type': 'application/json' });
  const stream = session.request(all);
  stream.setEncoding('utf8');
  stream.end(body === undefined ? undefined : JSON.stringify(body));
  const response = new Promise((resolve, reject) => stream.once('response', resolve).once('error', reject));
  return { stream, response };
}

async function ask(session, target, headers, body) {
  const { stream, response } = open(session, target, headers, body);
  const head = await response;
  let text = '';
  for await (const part of stream) text += part;
  return { status: head[':status'], headers: head, text };
}

const chat = (more) => ({ model, messages: [{ role: 'user', content: 'Tell me a story.' }], temperature: 0, ...more });

test('the API under a path, with HTTP/2', async () => {
  const session = connect();
  const { status, text, headers } = await ask(session, '/llm/v1/chat/completions', { 'x-request-id': 'mine' }, chat({ max_tokens: 3 }));
  assert.equal(status, 200, text);
  assert.equal(headers['x-request-id'], 'mine');
  assert.equal(JSON.parse(text).usage.completion_tokens, 3);
  assert.equal((await ask(session, '/llm/v1/none')).status, 404);
  session.close();
});

test('the page under a path', async () => {
  const session = connect();
  const moved = await ask(session, '/llm');
  assert.ok([301, 302, 307, 308].includes(moved.status));
  assert.match(moved.headers.location, /\/llm\/$/);
  const page = await ask(session, '/llm/');
  assert.equal(page.status, 200);
  const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
  assert.ok(files.length > 1);
  for (const file of files) {
    const url = new URL(file, `https://${host}/llm/`);
    assert.ok(url.pathname.startsWith('/llm/'), `${file} leads out of the path`);
    assert.equal((await ask(session, url.pathname)).status, 200, file);
  }
  // The page's own requests name its origin, which the server compares with the host.
  const own = await ask(session, '/llm/v1/models', { origin: `https://${host}:${port}` });
  assert.equal(own.status, 200, own.text);
  assert.equal((await ask(session, '/llm/v1/models', { origin: 'https://evil.example' })).status, 403);
  session.close();
});

// While the answer is still being computed its first token is there, and a client that leaves cancels it.
test('streams arrive token by token, and disconnects reach the server', async () => {
  const session = connect();
  const { stream, response } = open(session, '/llm/v1/chat/completions', {}, chat({ stream: true, n: 64, max_tokens: 400, ignore_eos: true }));
  assert.equal((await response)[':status'], 200);
  let text = '';
  let parts = 0;
  for await (const part of stream) {
    text += part;
    ++parts;
    if (text.split('"content":"').length > 200) break;  // destroys the stream
  }
  assert.ok(parts > 1);
  assert.ok(!text.includes('[DONE]'));
  session.destroy();
  for (;;) {
    const metrics = await (await fetch(new URL('/metrics', server.url))).text();
    const count = (name) => Number(metrics.match(new RegExp(`^ferrum_requests_${name}_total\\S* (\\d+)$`, 'm'))[1]);
    assert.equal(count('finished'), 1, 'of the other tests alone');
    if (count('cancelled') === 1) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('other hosts are refused', async () => {
  const status = await new Promise((resolve) => {
    const socket = net.connect(new URL(server.url).port, '127.0.0.1');
    socket.end('GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    socket.once('data', (data) => resolve(Number(String(data).split(' ')[1])));
  });
  assert.equal(status, 403);
});
