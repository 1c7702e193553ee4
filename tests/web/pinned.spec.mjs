import { expect, test } from './page.mjs';

test('a pinned conversation stays at the top', async ({ play, scripted, page }) => {
  const menu = () => play.list.getByRole('button', { name: 'More about first' });
  for (const text of ['first', 'second']) {
    scripted.answer((out) => out.end());
    await play.begin();
    await play.ask(text);
  }
  const titles = play.list.locator('.item-title');
  await expect(titles).toHaveText(['second', 'first']);
  await menu().click();
  await page.getByRole('menuitem', { name: 'Pin', exact: true }).click();
  await expect(titles).toHaveText(['first', 'second']);
  await page.reload();
  await expect(play.list.getByRole('heading', { name: 'Pinned' })).toBeVisible();
  await expect(titles).toHaveText(['first', 'second']);
  await menu().click();
  await page.getByRole('menuitem', { name: 'Unpin', exact: true }).click();
  await expect(titles).toHaveText(['second', 'first']);
});
