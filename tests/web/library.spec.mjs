import { readFile } from 'node:fs/promises';
import { answer, expect, Ferrum, question, test } from './page.mjs';

const more = (ferrum, title, what) => async () => {
  await ferrum.list.getByRole('button', { name: `More about ${title}` }).click();
  await ferrum.page.getByRole('menuitem', { name: what }).click();
};

async function exported(page, act) {
  const download = page.waitForEvent('download');
  await act();
  const file = await download;
  return { name: file.suggestedFilename(), path: await file.path(), text: await readFile(await file.path(), 'utf8') };
}

test('conversations are found, renamed and deleted', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  await ferrum.begin();
  await ferrum.ask('What is 2 + 2?');
  const titles = ferrum.list.locator('.item-title > span');
  await expect(titles).toHaveText(['What is 2 + 2?', question]);

  await page.getByRole('searchbox').fill('PARIS');
  await expect(titles).toHaveText([question]);
  await expect(ferrum.list.locator('small')).toHaveText(answer);
  await page.getByRole('searchbox').press('Enter');
  await expect(ferrum.answers.last()).toContainText(answer);
  await page.getByRole('searchbox').fill('nothing of the kind');
  await expect(ferrum.list.getByText('Nothing found.')).toBeVisible();
  await page.getByRole('searchbox').fill('');

  await more(ferrum, question, 'Rename')();
  await page.getByRole('textbox', { name: 'Name of the conversation' }).fill('Geography');
  await page.keyboard.press('Enter');
  await expect(titles).toHaveText(['What is 2 + 2?', 'Geography']);

  await more(ferrum, 'What is 2 + 2?', 'Delete')();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(titles).toHaveText(['Geography']);
  await page.reload();
  await expect(titles).toHaveText(['Geography']);
});

test('what is exported can be imported elsewhere', async ({ ferrum, page, browser, server }) => {
  await ferrum.ask(question);
  const markdown = await exported(page, more(ferrum, question, 'Export as Markdown'));
  expect(markdown.name).toBe('what-is-the-capital-of-france.md');
  expect(markdown.text).toBe(`# ${question}\n\n## You\n\n${question}\n\n## demo-dense\n\n${answer}\n`);
  const json = await exported(page, more(ferrum, question, 'Export as JSON'));
  const all = await exported(page, () => ferrum.button('Export all').click());
  expect(JSON.parse(all.text)).toEqual(JSON.parse(json.text));

  const other = await browser.newContext();
  const there = new Ferrum(await other.newPage(), server.url);
  await there.open();
  await there.page.getByLabel('Files to import').setInputFiles(all.path);
  await expect(there.page.getByText(/^1 conversation imported from/)).toBeVisible();
  await there.list.getByRole('button', { name: question, exact: true }).click();
  await expect(there.answers.last()).toContainText(answer);
  await there.page
    .getByLabel('Files to import')
    .setInputFiles({ name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{"format": "other"}') });
  await expect(there.page.getByText('broken.json: the file is not an export of this page.')).toBeVisible();
  await other.close();
});

test('two tabs show the same', async ({ ferrum, page, context, server }) => {
  const other = new Ferrum(await context.newPage(), server.url);
  await other.open();
  await ferrum.ask(question);
  await other.list.getByRole('button', { name: question, exact: true }).click();
  await expect(other.answers.last()).toContainText(answer);

  await ferrum.ask('What is 2 + 2?'); // goes on in both
  await expect(other.answers).toHaveCount(2);
  await other.button('Regenerate', other.answers.last()).click();
  await expect(ferrum.answers.last()).toContainText('1/2'); // where one reads stays what one reads
  await ferrum.button('Next branch').click();
  await expect(ferrum.answers.last()).toContainText('2/2');

  await more(other, question, 'Delete')();
  await other.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(ferrum.answers).toHaveCount(0);
  await expect(ferrum.list.getByText('No conversations yet.')).toBeVisible();
  await expect(page).toHaveTitle('Ferrum');
});

test('an answer that one tab reads grows in the other; closed, it is interrupted', async ({ play, scripted, context }) => {
  let goOn;
  scripted.answer(async (out) => {
    await out.text('One. ');
    await new Promise((resolve) => (goOn = resolve));
    for (let i = 0; i < 200; ++i) await out.text('More. ');
    await out.gone;
  });
  await play.say(question);
  await expect(play.answers.last()).toContainText('One.');
  const other = new Ferrum(await context.newPage(), scripted.url);
  await other.open(new URL(play.page.url()).hash);
  await expect(other.answers.last()).toContainText('An answer is arriving in another tab…');
  goOn();
  await play.page.close({ runBeforeUnload: true });
  await other.page.reload();
  await expect(other.answers.last()).toContainText('The page was closed before the answer was whole.');
});

test('a conversation that is not here is said so', async ({ ferrum, page }) => {
  await page.goto(`${ferrum.url}/#/c/none`);
  await expect(page.getByText('This conversation is not in this browser.')).toBeVisible();
  await expect(page.getByRole('heading', { name: /^Talk with/ })).toBeVisible();
});

test('Back and Forward go through conversations', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  await ferrum.button('New conversation').click();
  await expect(ferrum.answers).toHaveCount(0);
  await page.goBack();
  await expect(ferrum.answers).toHaveCount(1);
  await page.goForward();
  await expect(ferrum.answers).toHaveCount(0);
});
