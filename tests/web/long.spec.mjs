import { expect, test } from './page.mjs';

const kTokens = 10_000;
const kMost = 32; // times the work below: what the main thread does for all of it

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

// Of the page's main thread, in seconds: not what other programs took meanwhile.
async function clockOf(page, context) {
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
}

// A unit of work, which other programs slow down as they slow down the page.
const work = (page) =>
  page.evaluate(() => {
    let words = 0;
    for (let i = 0; i < 600_000; ++i) words += `part ${i} of a text`.split(' ').length;
    return words;
  });

test('an answer of 10,000 tokens comes without jank', async ({ play, scripted, page, context }) => {
  const clock = await clockOf(page, context);
  const all = [...tokens()];
  const quarters = []; // s of the page's own work
  const units = [];
  let began = await clock();
  const endQuarter = async () => {
    const ended = await clock();
    quarters.push(ended - began);
    await work(page);
    began = await clock();
    units.push(began - ended);
  };
  let firstBlock;
  scripted.answer(async (out) => {
    for (let i = 0; i < all.length; i += 20) {
      for (const token of all.slice(i, i + 20)) out.text(token);
      await new Promise((resolve) => setTimeout(resolve, 8)); // some 2,000 tokens/s
      if ((i + 20) % (kTokens / 4) === 0) await endQuarter();
      if (i + 20 === kTokens / 4) firstBlock = await page.$('.assistant .block');
    }
    await out.end(kTokens);
  });
  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
    });
  });
  await play.say('A long answer.');
  await page.waitForSelector('.assistant[aria-busy=true]');
  await page.waitForSelector('.assistant[aria-busy=false]'); // (names and roles would be costly to ask for)
  const tasks = await page.evaluate(() => window.tasks);
  const sum = (all) => all.reduce((a, b) => a + b, 0);
  const list = (all) => all.map((s) => s.toFixed(2)).join(' ');
  const told = `${list(quarters)} s where a unit takes ${list(units)} s; tasks over 50 ms: ${tasks.map((ms) => ms.toFixed(0)).join(' ') || 'none'}`;
  test.info().annotations.push({ type: 'main thread', description: told });
  console.log(told);
  expect(sum(quarters)).toBeLessThan((kMost * sum(units)) / units.length);
  expect(quarters[3] / units[3]).toBeLessThan(2 * Math.max(quarters[0] / units[0], quarters[1] / units[1]));
  expect(await firstBlock.evaluate((block) => block.isConnected)).toBe(true); // what is complete is never made anew
  expect(await page.$$eval('.assistant .block', (all) => all.length)).toBeGreaterThan(800);
  await expect(page.locator('.assistant .figures')).toContainText(`${kTokens} tokens · `);
});
