import { AxeBuilder } from '@axe-core/playwright';
import { answer, expect, question, test } from './page.mjs';

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const kLight = 'rgb(253, 252, 250)';
const kDark = 'rgb(23, 22, 21)';

test('light and dark: as the system has it, or as one likes', async ({ ferrum, page }) => {
  expect(await background(page)).toBe(kLight);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(() => background(page)).toBe(kDark);
  await ferrum.button('Light').click();
  await expect.poll(() => background(page)).toBe(kLight);
  await page.reload();
  await expect(ferrum.button('Dark')).toBeVisible();
  expect(await background(page)).toBe(kLight);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

  test('everything is within reach', async ({ ferrum, page }) => {
    await ferrum.ask(question);
    await expect(ferrum.answers.last()).toContainText(answer);
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await wide()).toBe(360);
    await expect(ferrum.list).toBeHidden();
    await ferrum.button('Conversations').tap();
    await expect(ferrum.list).toBeVisible();
    await ferrum.button('New conversation').tap();
    await expect(ferrum.list).toBeHidden();
    await expect(page.getByRole('heading', { name: /^Talk with/ })).toBeVisible();
    expect(await wide()).toBe(360);
    await ferrum.button('Settings').tap();
    await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
    expect(await wide()).toBe(360);
    const small = await page
      .getByRole('banner')
      .getByRole('button')
      .evaluateAll((all) => all.map((b) => b.getBoundingClientRect()).filter(({ width, height }) => width < 32 || height < 32));
    expect(small).toEqual([]);
  });
});

test('the keyboard is enough', async ({ ferrum, page }) => {
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
  const fromTheTop = () =>
    page.evaluate(() => {
      document.documentElement.tabIndex = -1;
      document.documentElement.focus();
      document.documentElement.removeAttribute('tabindex');
    });
  await expect(ferrum.box).toBeFocused();
  await page.keyboard.type(question);
  await page.keyboard.press('Enter');
  await ferrum.whole();
  await page.keyboard.press('Alt+r');
  await expect(ferrum.answers.last()).toContainText('2/2');
  await ferrum.whole();
  await page.keyboard.press('Alt+,');
  await expect(ferrum.answers.last()).toContainText('1/2');
  await expect(ferrum.box).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('textbox', { name: 'Your message' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('textbox', { name: 'Your message' })).toHaveCount(0);

  await page.keyboard.press('Alt+n');
  await expect(ferrum.answers).toHaveCount(0);
  await page.keyboard.press('Alt+k');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(ferrum.answers).toHaveCount(1);
  await page.keyboard.press('Alt+/');
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible();
  // On a busy machine the dialog may be visible before it listens to keys.
  await expect(async () => {
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0, { timeout: 1000 });
  }).toPass();
  await page.keyboard.press('Alt+s');
  await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Alt+l');
  await expect(page.getByRole('complementary', { name: 'Live view of the server' })).toBeVisible();

  // From the top: first the way past everything else, and every stop has a name.
  await page.reload();
  await expect(ferrum.answers).toHaveCount(1);
  await fromTheTop();
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Skip to the message box');
  await page.keyboard.press('Enter');
  await expect(ferrum.box).toBeFocused();
  await fromTheTop();
  for (let i = 0; i < 25; ++i) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement === document.body)) break;
    expect(await focused()).toBeTruthy();
  }
  await ferrum.list.getByRole('button', { name: /^More about/ }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Rename' })).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('menuitem', { name: 'Delete' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(ferrum.list.getByRole('button', { name: /^More about/ })).toBeFocused();
});

test('who listens hears that an answer begins and ends, and what it says, by the block', async ({ play, scripted, page }) => {
  const heard = page.getByRole('log');
  scripted.answer(async (out) => {
    await out.text('First *thing*.\n\nSecond\n');
    await expect(heard).toContainText('First thing.');
    await expect(heard).not.toContainText('Second');
    await out.text('thing.');
    await out.end();
  });
  await play.ask(question);
  await expect(heard).toHaveText(/The model answers\.\s*First thing\.\s*Second\s+thing\.\s*The answer is complete\./);
});

test('the live view shows what the server does', async ({ ferrum, page }) => {
  await ferrum.button('Live view of the server').click();
  const live = page.getByRole('complementary');
  await expect(live.getByRole('img', { name: /^Batch: \d+ running$/ })).toBeVisible();
  await ferrum.ask(question);
  await expect(live.getByRole('img', { name: /^Answers: (?!0\.0)[\d.]+ tokens\/s$/ })).toBeVisible();
  await expect(live.locator('polyline')).toHaveCount(6);
  await ferrum.button('Close the live view').click();
  let asked = 0;
  page.on('request', (request) => (asked += request.url().endsWith('/metrics') ? 1 : 0));
  await ferrum.ask(question);
  expect(asked).toBe(0); // only while the view is open
});

test('the end is followed, unless one goes up to read', async ({ play, scripted, page }) => {
  const box = page.getByRole('region', { name: 'Conversation' });
  const left = () => box.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
  let goOn;
  scripted.answer(async (out) => {
    for (let i = 0; i < 60; ++i) await out.text(`Paragraph ${i}.\n\n`);
    await new Promise((resolve) => (goOn = resolve));
    for (let i = 60; i < 90; ++i) await out.text(`Paragraph ${i}.\n\n`);
    await out.end();
  });
  await play.say(question);
  await expect(box).toContainText('Paragraph 59.');
  await expect.poll(left).toBeLessThan(2);
  await box.hover();
  await page.mouse.wheel(0, -600);
  await expect(play.button('To the end')).toBeVisible();
  goOn();
  await play.whole();
  expect(await left()).toBeGreaterThan(600);
  await play.button('To the end').click();
  await expect.poll(left).toBeLessThan(2);
  await expect(play.button('To the end')).toHaveCount(0);
});

for (const colorScheme of ['light', 'dark'])
  test(`axe finds nothing serious (${colorScheme})`, async ({ play, scripted, page }) => {
    const check = async (where) => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => [where, id, nodes.map(({ html }) => html)])).toEqual([]);
    };
    await page.emulateMedia({ colorScheme });
    await expect(page.locator(`html[data-theme=${colorScheme}]`)).toBeVisible();
    await check('welcome');
    scripted.answer(async (out) => {
      await out.thought('A thought.');
      await out.text('# Title\n\n> quote\n\n```python\n# comment\ndef f(a="x", b=1): return None\n```\n\n[link](https://example.org) `code`\n');
      await out.text('\n| a |\n|---|\n| 1 |\n\n$x^2$\n');
      await out.error('the server is stopping');
      out.response.end();
    });
    await play.say(question);
    await expect(play.answers.last().locator('.hljs-keyword').first()).toBeVisible();
    await expect(play.button('Try again')).toBeVisible();
    await check('conversation');
    await play.button('Live view of the server').click();
    await expect(page.getByRole('img', { name: /^Batch: \d+ running$/ })).toBeVisible();
    await check('live view');
    await play.button('Settings').click();
    await check('settings');
    await page.keyboard.press('Escape');
    await play.button('Shortcuts').click();
    await check('shortcuts');
  });
