import { answer, expect, Ferrum, question, test } from './page.mjs';
import { prefixed } from './stub.mjs';

test('the page works under a path prefix', async ({ page, server, watched }) => {
  const proxy = await prefixed(server.url, '/llm');
  watched.own.push(new URL(proxy.url).origin);
  const missing = [];
  page.on('response', (response) => response.status() >= 400 && missing.push(response.url()));
  const ferrum = new Ferrum(page, proxy.url);
  await ferrum.open();
  await expect(await ferrum.ask(question)).toContainText(answer);
  expect(new URL(page.url()).pathname).toBe('/llm/');
  await page.reload(); // at the address of the conversation
  await expect(ferrum.answers.last()).toContainText(answer);
  expect(missing).toEqual([]);
  await proxy.stop();
});
