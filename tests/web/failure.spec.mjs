import { expect, Ferrum, question, test } from './page.mjs';
import { serve } from './server.mjs';

test('the server stops in mid-answer: what came is kept, and it goes on later', async ({ play, scripted, page }) => {
  scripted.answer(async (out) => {
    await out.text('The capital of');
    await expect(play.answers.last()).toContainText('The capital of');
    out.breakOff();
    await scripted.stop();
  });
  await play.say(question);
  const last = play.answers.last();
  await expect(last).toContainText('the connection ended before the answer was complete; the partial answer is kept');
  await expect(last).toContainText('The capital of');
  await expect(page.getByText(/^The server does not answer; trying again/)).toBeVisible();

  await scripted.start();
  await expect(page.getByText(/^The server does not answer/)).toHaveCount(0);
  let asked;
  scripted.answer(async (out) => {
    asked = out.body;
    await out.text(' France is Paris.');
    await out.end();
  });
  await last.getByRole('button', { name: 'Continue' }).first().click();
  await expect(last).toContainText('The capital of France is Paris.');
  expect(asked.continue_final_message).toBe(true);
  expect(asked.messages.at(-1)).toEqual({ role: 'assistant', content: 'The capital of' });
});

test('a server that stops says so in its own words', async ({ play, scripted }) => {
  scripted.answer(async (out) => {
    await out.text('The capital');
    await out.error('the server is stopping');
    out.response.end();
  });
  await play.say(question);
  await expect(play.answers.last()).toContainText('the server is stopping; the partial answer is kept');
  scripted.answer(async (out) => {
    await out.text('Paris.');
    await out.end();
  });
  await play.button('Try again', play.answers.last()).click();
  await expect(play.answers.last()).toContainText('Paris.');
  await expect(play.answers.last()).toContainText('2/2');
});

test('keys: asked for, refused in the server’s words, taken, kept for the tab', async ({ page, watched }) => {
  const locked = await serve('--api-key', 'right');
  watched.own.push(locked.url);
  try {
    await page.goto(locked.url);
    const dialog = page.getByRole('dialog', { name: 'API key' });
    await expect(dialog).toContainText('this server requires an API key');
    await dialog.getByLabel('Key', { exact: true }).fill('wrong');
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    await expect(dialog).toContainText('the API key is not known');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByText('The server refuses: the API key is not known')).toBeVisible();
    await page.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByLabel('Key', { exact: true }).fill('right');
    await dialog.getByLabel('Key', { exact: true }).press('Enter');
    await expect(dialog).toHaveCount(0);
    const ferrum = new Ferrum(page, locked.url);
    await ferrum.ready();
    await ferrum.ask(question);
    await page.reload();
    await expect(ferrum.answers).toHaveCount(1);
    await ferrum.ready();
    await ferrum.ask('What is 2 + 2?');
    expect(await page.evaluate(() => Object.keys(localStorage))).not.toContain('ferrum.key');
  } finally {
    await locked.stop();
  }
});
