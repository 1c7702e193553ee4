import { expect, question, test } from './page.mjs';

test('the tokens of a message are counted while it is written', async ({ ferrum, page }) => {
  await ferrum.box.fill(question);
  const notes = page.locator('.context');
  await expect(notes).toHaveText(/^\d+ tokens written · 0 of 512 tokens of context$/);
  const { count } = await (await page.request.post(`${ferrum.url}/tokenize`, { data: { content: question } })).json();
  await expect(notes).toHaveText(`${count} tokens written · 0 of 512 tokens of context`);
  await ferrum.box.fill('word '.repeat(600));
  await expect(notes).toHaveClass(/full/);
  await ferrum.box.fill('');
  await expect(notes).toHaveCount(0);
  await ferrum.ask(question);
  await expect(notes).toHaveText('27 of 512 tokens of context');
});

test('attachments count', async ({ ferrum, page }) => {
  const buffer = Buffer.from('word '.repeat(40));
  await page.getByLabel('Files to attach').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer });
  await expect(page.locator('.context')).toHaveText(/^[4-9]\d tokens written/);
  await ferrum.button('Remove a.txt').click();
  await expect(page.locator('.context')).toHaveCount(0);
});

test('counting loads no model', async ({ play, scripted, page }) => {
  scripted.setModel({ state: 'unloaded' });
  await page.reload();
  await expect(page.getByLabel('Model', { exact: true }).locator('option').first()).toHaveText(/not loaded/);
  let asked = 0;
  page.on('request', (request) => (asked += request.url().endsWith('/tokenize') ? 1 : 0));
  await page.clock.install();
  await play.box.fill(question);
  await page.clock.runFor(5000);
  expect(asked).toBe(0);
});

test('speeds are the server’s', async ({ play, scripted }) => {
  scripted.answer(async (out) => {
    await out.text('Paris');
    await out.end(50, { prompt_per_second: 321.04, predicted_per_second: 65.43 });
  });
  const said = await play.ask(question);
  await expect(said.locator('.figures')).toHaveText(/^50 tokens · 65\.4 tokens\/s · first after [\d.]+ s · prompt 5 tokens, 321\.0 tokens\/s$/);
});

test('a live server gives its speeds', async ({ ferrum, page }) => {
  const replied = page.waitForResponse('**/v1/chat/completions');
  const said = await ferrum.ask(question);
  const last = (await (await replied).text()).trim().split('\n\n').at(-2);
  const { timings } = JSON.parse(last.replace(/^data: /, ''));
  expect(timings).toMatchObject({ prompt_n: expect.any(Number), predicted_n: 11 });
  await expect(said.locator('.figures')).toContainText(`11 tokens · ${timings.predicted_per_second.toFixed(timings.predicted_per_second < 1000 ? 1 : 0)} tokens/s`);
});
