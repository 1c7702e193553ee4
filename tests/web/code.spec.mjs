import { readFile } from 'node:fs/promises';
import { expect, test } from './page.mjs';

const line = `print("${'long '.repeat(80)}")`;

test('code is wrapped and downloaded', async ({ play, scripted, page }) => {
  scripted.answer(async (out) => {
    await out.text(`\`\`\`python\n${line}\n\`\`\`\n`);
    await out.end();
  });
  const said = await play.ask('Write code.');
  const pre = said.locator('pre');
  const overflows = () => pre.evaluate((element) => element.scrollWidth > element.clientWidth);
  await expect.poll(overflows).toBe(true);
  await play.button('Wrap', said).click();
  await expect.poll(overflows).toBe(false);
  await play.button('Unwrap', said).click();
  await expect.poll(overflows).toBe(true);
  const coming = page.waitForEvent('download');
  await play.button('Download', said).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe('code.py');
  expect((await readFile(await download.path(), 'utf8')).trimEnd()).toBe(line);
});
