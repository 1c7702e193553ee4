import { expect, test } from './page.mjs';

test('text files and long pasted text go with the message', async ({ play, scripted, page }) => {
  const files = page.getByLabel('Files to attach');
  await files.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('kept\n') });
  const list = page.getByRole('list', { name: 'Attachments' });
  await expect(list).toContainText('notes.txt');
  const pasted = 'long '.repeat(1000);
  await play.box.evaluate((box, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, pasted);
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await page.getByRole('button', { name: 'Remove Pasted text' }).click();
  let sent;
  scripted.answer((out) => {
    sent = out.body.messages.at(-1).content;
    return out.end();
  });
  await play.ask('Read this.');
  expect(sent).toBe('Read this.\n\nnotes.txt:\n```\nkept\n```');
  await expect(list).toHaveCount(0);
});

test('an image is refused in words', async ({ play, page }) => {
  await page.getByLabel('Files to attach').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from([1]) });
  await expect(page.getByText('a.png: this is an image, and the models here read text only.')).toBeVisible();
  await expect(page.getByRole('list', { name: 'Attachments' })).toHaveCount(0);
});
