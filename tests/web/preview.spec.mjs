import http from 'node:http';
import { expect, test } from './page.mjs';

const fenced = (language, code) => `\`\`\`${language}\n${code}\n\`\`\`\n`;

// The frame of the preview of an answer that is this code.
async function opened(play, scripted, language, code) {
  scripted.answer(async (out) => {
    await out.text(fenced(language, code));
    await out.end();
  });
  const said = await play.ask('Show me.');
  await play.button('Preview', said).click();
  return play.page.frameLocator('iframe.preview-frame');
}

test('HTML is shown, and its scripts run', async ({ play, scripted, page }) => {
  const html = '<!doctype html><title>T</title><h1>Hello</h1><script>document.querySelector("h1").textContent += ", world"</script>';
  const frame = await opened(play, scripted, 'html', html);
  await expect(frame.getByRole('heading')).toHaveText('Hello, world');
  await play.button('Close').click();
  await expect(page.locator('iframe')).toHaveCount(0);
});

test('SVG is drawn, whatever the fence calls it', async ({ play, scripted, page }) => {
  const frame = await opened(play, scripted, 'xml', '<?xml version="1.0"?>\n<svg viewBox="0 0 10 10"><circle cx="5" cy="5" r="4"/></svg>');
  await expect(frame.locator('circle')).toBeVisible();
  await expect(page.getByRole('dialog')).toContainText('Preview of SVG');
});

test('Mermaid draws diagrams, and says what is wrong with one', async ({ play, scripted, page }) => {
  let loaded = 0;
  page.on('request', (request) => (loaded += /mermaid/.test(request.url()) ? 1 : 0));
  const frame = await opened(play, scripted, 'mermaid', 'graph LR\n  A[Question] --> B[Answer]');
  await expect(frame.locator('svg .node')).toHaveCount(2);
  await expect(frame.getByText('Question')).toBeVisible();
  expect(loaded).toBe(1);
  await play.button('Close').click();
  const broken = await opened(play, scripted, 'mermaid', 'graph LR\n  A[Question');
  await expect(broken.locator('pre')).toContainText('Parse error');
});

test('other code has no preview', async ({ play, scripted }) => {
  scripted.answer(async (out) => {
    await out.text(fenced('python', 'print()'));
    await out.end();
  });
  const said = await play.ask('Show me.');
  await expect(play.button('Copy', said).first()).toBeVisible();
  await expect(play.button('Preview', said)).toHaveCount(0);
});

// Everything by which code might reach a network, the page, or what the browser keeps for it.
const hostile = (host) => `
<!doctype html>
<link rel="stylesheet" href="${host}/style.css"><link rel="prefetch" href="${host}/prefetch"><link rel="modulepreload" href="${host}/preload.js">
<img src="${host}/image.png"><video src="${host}/video.mp4"></video><object data="${host}/object"></object>
<iframe src="${host}/frame"></iframe>
<style>@font-face { font-family: x; src: url(${host}/font.woff2) } body { font-family: x; background: url(${host}/background.png) }</style>
<form action="${host}/form"><input name="a"></form>
<script src="${host}/script.js"></script>
<script>
  const tried = {};
  const attempt = async (name, act) => {
    try {
      tried[name] = String(await act());
    } catch (error) {
      tried[name] = 'refused';
    }
  };
  (async () => {
    await attempt('fetch', () => fetch('${host}/fetch'));
    await attempt('own', () => fetch('/v1/models'));
    await attempt('socket', () => new Promise((resolve, reject) => {
      const socket = new WebSocket('${host}/socket'.replace('http', 'ws'));
      socket.onopen = resolve;
      socket.onerror = reject;
    }));
    await attempt('beacon', () => navigator.sendBeacon('${host}/beacon') && Promise.reject(0));
    await attempt('module', () => import('${host}/module.js'));
    await attempt('worker', () => new Promise((resolve, reject) => {
      const worker = new Worker('data:text/javascript,fetch("${host}/worker")');
      worker.onerror = reject;
      worker.onmessage = resolve;
    }));
    await attempt('rtc', () => new RTCPeerConnection());
    await attempt('page', () => parent.document.title);
    await attempt('storage', () => localStorage.length);
    await attempt('cookie', () => document.cookie);
    await attempt('top', () => { top.location = '${host}/top'; return 'gone'; });
    await attempt('popup', () => open('${host}/popup') ?? Promise.reject(0));
    document.forms[0].submit();
    const done = document.createElement('p');
    done.id = 'done';
    done.textContent = JSON.stringify(tried);
    document.body.append(done);
  })();
</script>`;

const kRefusal = /Content Security Policy/; // in the console

// {host, reached, close()}: a server elsewhere, and the paths that were asked of it.
async function elsewhere() {
  const reached = [];
  const server = http.createServer((request, response) => {
    reached.push(request.url);
    response.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `http://127.0.0.1:${server.address().port}`, reached, close: () => server.close() };
}

test('code in a preview reaches nothing', async ({ play, scripted, page, watched }) => {
  watched.tolerated = kRefusal;
  const outside = await elsewhere();
  const before = page.url();
  const frame = await opened(play, scripted, 'html', hostile(outside.host));
  const tried = JSON.parse(await frame.locator('#done').textContent());
  expect(tried).toEqual(Object.fromEntries(Object.keys(tried).map((name) => [name, 'refused'])));
  expect(Object.keys(tried)).toHaveLength(12);
  await play.button('Close').click();
  expect(new URL(page.url()).origin).toBe(new URL(before).origin);
  expect(outside.reached).toEqual([]);
  outside.close();
});

const kNavigations = {
  'a refresh': (host) => `<meta http-equiv="refresh" content="0;url=${host}/refresh">`,
  'a link': (host) => `<a href="${host}/link" ping="${host}/ping">link</a><script>document.querySelector('a').click()</script>`,
  'a script': (host) => `<script>location = '${host}/script'</script>`,
};
for (const [name, code] of Object.entries(kNavigations))
  test(`code in a preview does not leave by ${name}`, async ({ play, scripted, page, watched }) => {
    watched.tolerated = kRefusal;
    const outside = await elsewhere();
    const stopped = page.waitForEvent('console', (message) => /frame-src/.test(message.text()));
    await opened(play, scripted, 'html', code(outside.host));
    await stopped;
    await play.button('Close').click();
    expect(outside.reached).toEqual([]);
    outside.close();
  });
