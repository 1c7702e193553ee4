import { expect, question, test } from './page.mjs';

const kLarge = { parameters: 4e9 };

// A question, its answer, and the reply to the request for a title.
async function talk(play, scripted, title) {
  scripted.answer(async (out) => {
    await out.text('Paris.');
    await out.end();
  });
  let asked;
  scripted.answer((out) => {
    asked = out.body;
    title(out);
  });
  await play.ask(question);
  return () => asked;
}

test('the model writes the title, after its first answer', async ({ play, scripted, page }) => {
  scripted.setModel(kLarge);
  await page.reload();
  await play.ready();
  const asked = await talk(play, scripted, (out) => out.whole('**Title: The capital of France.**'));
  const titles = play.list.locator('.item-title');
  await expect(titles).toHaveText(['The capital of France']);
  await expect(page).toHaveTitle('The capital of France – Ferrum');
  expect(asked()).toMatchObject({ max_tokens: 24, priority: -1, chat_template_kwargs: { enable_thinking: false } });
  expect(asked().messages.slice(0, 2)).toEqual([
    { role: 'user', content: question },
    { role: 'assistant', content: 'Paris.' },
  ]);
  scripted.answer((out) => out.end()); // the second answer asks for no title
  await play.ask('And of Spain?');
  await page.reload();
  await expect(titles).toHaveText(['The capital of France']);
});

test('the first words remain where there is no title', async ({ play, scripted, page }) => {
  scripted.setModel(kLarge);
  await page.reload();
  await play.ready();
  const asked = await talk(play, scripted, (out) => out.whole('Paris is the capital of France, which is a country in the west of Europe.'));
  await expect.poll(asked).toBeTruthy();
  await play.begin();
  await talk(play, scripted, (out) => out.response.end('no JSON'));
  await expect(play.list.locator('.item-title')).toHaveText([question, question]);
});

test('a name that was given meanwhile stays', async ({ play, scripted, page }) => {
  scripted.setModel(kLarge);
  await page.reload();
  await play.ready();
  let goOn;
  const asked = await talk(play, scripted, async (out) => {
    await new Promise((resolve) => (goOn = resolve));
    out.whole('Too late');
  });
  await expect.poll(asked).toBeTruthy();
  await play.list.getByRole('button', { name: /^More about/ }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Name of the conversation' }).fill('Mine');
  await page.keyboard.press('Enter');
  const replied = page.waitForResponse('**/v1/chat/completions');
  goOn();
  await (await replied).finished();
  await page.reload();
  await expect(play.list.locator('.item-title')).toHaveText(['Mine']);
});

test('neither a small model nor a page whose setting is off asks', async ({ play, scripted, page }) => {
  let count = 0;
  page.on('request', (request) => (count += request.url().endsWith('/v1/chat/completions') ? 1 : 0));
  scripted.answer(async (out) => {
    await out.text('Paris.');
    await out.end();
  });
  await play.ask(question);
  scripted.setModel(kLarge);
  await page.reload();
  await play.button('Settings').click();
  await page.getByLabel(/Let the model write the titles/).uncheck();
  await page.keyboard.press('Escape');
  await play.begin();
  scripted.answer(async (out) => {
    await out.text('Paris.');
    await out.end();
  });
  await play.ask(question);
  await page.reload();
  await play.ready();
  expect(count).toBe(2);
  await expect(play.list.locator('.item-title')).toHaveText([question, question]);
});
