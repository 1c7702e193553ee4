import { expect, test } from './page.mjs';

test('footnotes are numbered, and lead to their notes and back', async ({ play, scripted }) => {
  scripted.answer(async (out) => {
    await out.text('The claim[^src] and another[^2]; `[^2]` and [^none] are text.\n\n');
    for (let i = 0; i < 40; ++i) await out.text(`Paragraph ${i}.\n\n`);
    await out.text('[^2]: Second.\n[^src]: The **source**.\n\n    Its second paragraph.\n');
    await out.end();
  });
  const said = await play.ask('Tell me.');
  const references = said.locator('.note-reference');
  await expect(references).toHaveText(['1', '2']);
  await expect(said).toContainText('[^none] are text');
  await expect(said.locator('.note').first()).toHaveText('2Second.');
  const source = said.locator('.note').nth(1);
  await expect(source.locator('strong')).toHaveText('source');
  await expect(source).toContainText('Its second paragraph.');
  await references.first().click();
  await expect(source).toBeInViewport();
  await expect(source).toBeFocused();
  await source.getByRole('button', { name: 'Back to footnote 1 in the text' }).click();
  await expect(references.first()).toBeInViewport();
  await expect(references.first()).toBeFocused();
});
