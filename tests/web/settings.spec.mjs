import { readFile } from 'node:fs/promises';
import { expect, model, question, test } from './page.mjs';

// Of "This conversation".
const field = (page, label) => page.getByRole('dialog', { name: 'Settings' }).getByLabel(label).first();

async function set(page, label, value) {
  await field(page, label).fill(value);
  await page.keyboard.press('Tab');
}

test.describe('with a model that recommends a temperature', () => {
  test.use({ defaults: {} });

  test('empty fields show the values that hold', async ({ play, scripted, page }) => {
    scripted.setModel({ default_sampling: { temperature: 0.6, top_p: 0.9, top_k: 20 } });
    await page.reload();
    await play.ready();
    await play.button('Settings').click();
    for (const [label, value] of [['Temperature', '0.6'], ['Top P', '0.9'], ['Top K', '20'], ['Seed', 'random']])
      await expect(field(page, label)).toHaveAttribute('placeholder', value);
    await page.getByText('Defaults of all conversations').click();
    const all = page.getByRole('group').filter({ hasText: 'Defaults of all conversations' });
    await all.getByLabel('Top K').fill('7');
    await page.keyboard.press('Tab');
    await expect(field(page, 'Top K')).toHaveAttribute('placeholder', '7'); // the defaults go before the model
  });
});

test('the server’s own defaults are values', async ({ ferrum, page }) => {
  await ferrum.button('Settings').click();
  await expect(field(page, 'Temperature')).toHaveAttribute('placeholder', '0'); // by the defaults of all conversations
  await expect(field(page, 'Top P')).toHaveAttribute('placeholder', /^(0\.\d+|1)$/);
});

test('presets are saved, chosen, renamed, deleted, exported and imported', async ({ ferrum, page }) => {
  await ferrum.button('Settings').click();
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  const choice = dialog.getByLabel('Preset');
  const name = dialog.getByLabel('Name of the preset');
  await set(page, 'System prompt', 'You are terse.');
  await set(page, 'Top K', '3');
  await ferrum.button('Save as…', dialog).click();
  await name.fill('Terse');
  await name.press('Enter');
  await expect(choice).toHaveValue('Terse');
  await set(page, 'Top K', '4'); // no longer the preset
  await expect(choice).toHaveValue('');
  await ferrum.button('Save as…', dialog).click();
  await name.press('Escape');
  await expect(dialog).toBeVisible();
  await choice.selectOption('Terse');
  await expect(field(page, 'Top K')).toHaveValue('3');

  await ferrum.button('Rename', dialog).click();
  await expect(name).toHaveValue('Terse');
  await name.fill('Brief');
  await name.press('Enter');
  await expect(choice.locator('option')).toHaveText(['none', 'Brief']);
  await page.keyboard.press('Escape');

  await ferrum.ask(question);
  await ferrum.begin(); // another conversation has none of it, until the preset is chosen
  await ferrum.button('Settings').click();
  await expect(field(page, 'System prompt')).toHaveValue('');
  await choice.selectOption('Brief');
  await page.keyboard.press('Escape');
  const asked = page.waitForRequest('**/v1/chat/completions');
  await ferrum.ask(question);
  const body = (await asked).postDataJSON();
  expect(body).toMatchObject({ top_k: 3, temperature: 0 });
  expect(body.messages[0]).toEqual({ role: 'system', content: 'You are terse.' });

  const coming = page.waitForEvent('download');
  await ferrum.button('Export all').click();
  const file = await (await coming).path();
  expect(JSON.parse(await readFile(file, 'utf8')).presets).toEqual([{ name: 'Brief', settings: { system: 'You are terse.', top_k: 3 } }]);
  await ferrum.button('Settings').click();
  await ferrum.button('Delete', dialog).click();
  await page.getByRole('dialog', { name: 'Delete the preset?' }).getByRole('button', { name: 'Delete' }).click();
  await expect(choice.locator('option')).toHaveText(['none saved yet']);
  await page.keyboard.press('Escape');
  await page.getByLabel('Files to import').setInputFiles(file);
  await expect(page.getByText(/^2 conversations and 1 preset imported from/)).toBeVisible();
  await ferrum.button('Settings').click();
  await expect(choice.locator('option')).toHaveText(['none', 'Brief']);
  await expect(choice).toHaveValue('Brief');
});

test('a conversation may name its model by an alias', async ({ ferrum, page }) => {
  const conversation = { id: 'c', title: 'By an alias', created: 1, updated: 1, leaf: null, model: 'gpt-4o', settings: {}, messages: [] };
  const file = JSON.stringify({ format: 'ferrum-conversations', version: 1, conversations: [conversation] });
  await expect(page.getByText('also named gpt-4o')).toBeVisible();
  const choice = page.getByLabel('Model', { exact: true });
  await choice.selectOption('other');
  await page.getByLabel('Files to import').setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from(file) });
  await ferrum.list.getByRole('button', { name: 'By an alias', exact: true }).click();
  await expect(choice).toHaveValue(model);
});
