import { expect, test } from './page.mjs';

const kTokens = 10_000;
const kLongest = 200; // ms that the page may be busy without a break, on a machine that does other things too

const paragraph = (i) =>
  `## Part ${i}\n\nThis is **paragraph** number ${i}, with \`code\`, a [link](https://example.org/${i}) and some more words.\n\n` +
  `- one item\n- another item with *emphasis*\n\n` +
  (i % 5 === 0 ? `\`\`\`cpp\nint f${i}(int x) {\n  return x + ${i};  // a comment\n}\n\`\`\`\n\n` : '') +
  (i % 7 === 0 ? `So \\(x_{${i}}^2 = ${i}\\) holds.\n\n` : '');

function* tokens() {
  for (let i = 1, count = 0; count < kTokens; ++i)
    for (const token of paragraph(i).match(/\s?\S+|\s+/g)) {
      if (count++ === kTokens) return;
      yield token;
    }
}

test('an answer of 10,000 tokens comes without jank', async ({ play, scripted, page }) => {
  const all = [...tokens()];
  scripted.answer(async (out) => {
    for (let i = 0; i < all.length; i += 20) {
      for (const token of all.slice(i, i + 20)) out.text(token);
      await new Promise((resolve) => setTimeout(resolve, 8)); // some 2,000 tokens/s
    }
    await out.text('\n\nThe very end.');
    await out.end(kTokens);
  });
  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
    });
  });
  await play.say('A long answer.');
  const said = play.answers.last();
  await expect(said.getByRole('heading', { name: 'Part 3', exact: true })).toBeVisible();
  // What is complete is never made anew.
  await said.locator('.block').first().evaluate((block) => (window.firstBlock = block));
  await expect(said).toContainText('The very end.', { timeout: 40_000 });
  await play.whole();
  const tasks = await page.evaluate(() => window.tasks);
  test.info().annotations.push({ type: 'long tasks', description: tasks.map((ms) => ms.toFixed(0)).join(' ') });
  expect(Math.max(0, ...tasks)).toBeLessThan(kLongest);
  await expect(said).toContainText(`${kTokens} tokens · `);
  expect(await said.locator('.block').count()).toBeGreaterThan(800);
});
