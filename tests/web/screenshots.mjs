// Makes the pictures of docs/web-page.md anew: node tests/web/screenshots.mjs
import path from 'node:path';
import { chromium, expect } from '@playwright/test';
import { launchOptions } from './browser.mjs';
import { Ferrum } from './page.mjs';
import { root, serveModel } from './server.mjs';
import { stub } from './stub.mjs';

const kSample = `A **binary search** halves what is left with every look, so it needs at most $\\lceil \\log_2 (n + 1) \\rceil$ of them[^1]:

\`\`\`python
def find(values, wanted):
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < len(values) and values[low] == wanted else None
\`\`\`

| values | looks |
|---:|---:|
| 1,000 | 10 |

[^1]: One more than the whole part of $\\log_2 n$.
`;

const server = await serveModel('demo-moe');
const scripted = await stub(server.url);
const browser = await chromium.launch(launchOptions);

async function page(options, url = server.url) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1200, height: 760 }, ...options });
  await context.addInitScript(() => self === top && location.protocol === 'http:' && localStorage.setItem('ferrum.defaults', '{"temperature":0}'));
  const ferrum = new Ferrum(await context.newPage(), url);
  await ferrum.open();
  return ferrum;
}

async function take(ferrum, name) {
  await ferrum.page.screenshot({ path: path.join(root, 'docs', 'images', `web-${name}.png`), animations: 'disabled' });
  await ferrum.page.context().close();
}

async function talk(ferrum) {
  await ferrum.ask('What is the capital of France?');
  await ferrum.begin();
  await ferrum.ask('Count from 3 to 12.');
  await ferrum.begin();
  await ferrum.ask('What is 7 + 5?');
  await ferrum.ask('Write a short story about a fox and a drum.');
}

const light = await page({ colorScheme: 'light' });
await talk(light);
await take(light, 'light');

const dark = await page({ colorScheme: 'dark' }, scripted.url);
scripted.answer(async (out) => {
  await out.thought('They want the idea, code and a number.');
  await out.text(kSample);
  await out.end(180, { prompt_per_second: 412.5, predicted_per_second: 38.2 });
});
await dark.ask('How fast is binary search? Show me some code.');
await expect(dark.page.locator('math')).toHaveCount(2);
await expect(dark.page.locator('.hljs-keyword').first()).toBeVisible();
await take(dark, 'dark');

const phone = await page({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
await phone.ask('What is 7 + 5?');
await phone.ask('Count from 3 to 12.');
await take(phone, 'phone');

// Others ask as well, so that there is something to be seen.
const ask = (i) =>
  fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      model: 'demo-moe',
      messages: [{ role: 'user', content: `Write a short story about a ${['fox', 'cat', 'boat', 'star'][i % 4]} and a ${['drum', 'kite', 'bell'][i % 3]}.` }],
      ignore_eos: true,
      max_tokens: 100 + ((i * 37) % 400),
    }),
  }).then((reply) => reply.text());

const live = await page({ colorScheme: 'light', viewport: { width: 1120, height: 640 } });
await live.button('Live view of the server').click();
const plot = live.page.getByRole('complementary').locator('polyline').first();
await live.ask('What is the capital of France?');
await live.ask('Write a short story about a fox and a drum.');
let over = false;
const crowd = Promise.all(
  Array.from({ length: 5 }, async (_, who) => {
    for (let i = 0; !over; ++i) await ask(7 * who + i);
  }),
);
await expect.poll(async () => (await plot.getAttribute('points'))?.split(' ').length, { timeout: 90_000 }).toBeGreaterThan(45);
await take(live, 'live');
over = true;
await crowd;

await browser.close();
await scripted.stop();
await server.stop();
