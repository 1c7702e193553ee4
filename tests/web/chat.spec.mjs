import { answer, beginStory, expect, model, question, test } from './page.mjs';

test('a question is answered, and the figures are told', async ({ ferrum, page }) => {
  await expect(page.getByRole('heading', { name: `Talk with ${model}` })).toBeVisible();
  await ferrum.button(question).click(); // one of the examples
  await ferrum.whole();
  await expect(ferrum.answers.last()).toContainText(answer);
  await expect(ferrum.answers.last()).toContainText(/11 tokens · .*first after [\d.]+ s · prompt 16 tokens/);
  await expect(page.getByText('27 of 512 tokens of context')).toBeVisible();
  await expect(ferrum.list.getByRole('button', { name: question, exact: true })).toHaveAttribute('aria-current', 'page');
  await expect(page).toHaveTitle(`${question} – Ferrum`);
});

test('the next question knows what was said', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  const asked = page.waitForRequest('**/v1/chat/completions');
  await ferrum.ask('What is 2 + 2?');
  const roles = (await asked).postDataJSON().messages.map(({ role, content }) => `${role}: ${content}`);
  expect(roles).toEqual([`user: ${question}`, `assistant: ${answer}`, 'user: What is 2 + 2?']);
});

test('an answer that is stopped stays as it is, and its request ends', async ({ play, scripted, page }) => {
  const { gone } = await beginStory(play, scripted);
  await play.button('Stop').click();
  await gone; // the server sees that the reader is gone
  await expect(play.answers.last()).toContainText('Stopped.');
  await page.reload();
  await expect(play.answers.last()).toContainText('Once upon a time');
});

test('answers are regenerated, messages edited, and one goes between the branches', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  await ferrum.button('Regenerate', ferrum.answers.last()).click();
  await expect(ferrum.answers.last()).toContainText('2/2');
  await ferrum.whole();
  await ferrum.button('Previous branch', ferrum.answers.last()).click();
  await expect(ferrum.answers.last()).toContainText('1/2');

  await ferrum.button('Edit', ferrum.questions.last()).click();
  const editor = page.getByRole('textbox', { name: 'Your message' });
  await expect(editor).toHaveValue(question);
  await editor.fill('What is 2 + 2?');
  await editor.press('Enter');
  await expect(ferrum.questions.last()).toContainText('What is 2 + 2?');
  await expect(ferrum.questions.last()).toContainText('2/2');
  await ferrum.whole();

  await page.reload(); // everything is where it was
  await expect(ferrum.questions.last()).toContainText('What is 2 + 2?');
  await ferrum.button('Previous branch', ferrum.questions.last()).click();
  await expect(ferrum.questions.last()).toContainText(question);
  await expect(ferrum.answers.last()).toContainText('2/2'); // the newest answer of that branch
});

test('an answer is edited as a branch, without asking', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  await ferrum.button('Edit', ferrum.answers.last()).click();
  await page.getByRole('textbox', { name: 'The answer' }).fill('It is **Paris**.');
  await page.getByRole('button', { name: 'Save as a branch' }).click();
  await expect(ferrum.answers.last().locator('strong')).toHaveText('Paris');
  await expect(ferrum.answers.last()).toContainText('2/2');
});

test('a message is deleted with what follows', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  await ferrum.ask('What is 2 + 2?');
  await ferrum.button('Delete', ferrum.questions.last()).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(ferrum.questions).toHaveCount(1);
  await expect(ferrum.answers.last()).toContainText(answer);
});

test('an answer that was too long goes on', async ({ ferrum, page }) => {
  await ferrum.button('Settings').click();
  await page.getByLabel('Longest answer').first().fill('3');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await ferrum.ask(question);
  await expect(ferrum.answers.last()).toContainText('The longest answer, or the end of the context, was reached.');
  await ferrum.button('Settings').click();
  await page.getByLabel('Longest answer').first().fill('');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await ferrum.answers.last().getByRole('button', { name: 'Continue' }).first().click();
  await ferrum.whole();
  await expect(ferrum.answers.last()).toContainText(answer);
  await expect(ferrum.answers).toHaveCount(1);
});

test('settings and the system prompt go with the conversation, defaults with all', async ({ ferrum, page }) => {
  const request = async (text) => {
    const asked = page.waitForRequest('**/v1/chat/completions');
    await ferrum.ask(text);
    return (await asked).postDataJSON();
  };
  await ferrum.button('Settings').click();
  await page.getByLabel('System prompt').first().fill('You are terse.');
  await page.getByLabel('Top K').first().fill('3');
  await page.getByLabel('Stop at').first().fill('END');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  const first = await request(question);
  expect(first).toMatchObject({ temperature: 0, top_k: 3, stop: ['END'] });
  expect(first.messages[0]).toEqual({ role: 'system', content: 'You are terse.' });
  await page.reload();
  await expect(ferrum.answers).toHaveCount(1);
  await ferrum.ready();
  expect(await request('What is 2 + 2?')).toMatchObject({ top_k: 3 });
  await ferrum.begin();
  const other = await request(question);
  expect(other).toMatchObject({ temperature: 0 });
  expect(other.top_k).toBeUndefined();
  expect(other.messages[0].role).toBe('user');
});

test('what the server refuses is told in its words', async ({ ferrum }) => {
  await ferrum.say('word '.repeat(2000));
  const refused = ferrum.answers.last();
  await expect(refused).toContainText(/context/);
  await expect(refused.getByRole('button', { name: 'Try again' })).toBeVisible();
  await expect(refused.getByRole('button', { name: 'Continue' })).toHaveCount(0); // with what?
});

test('another model is chosen, and loaded when it is asked', async ({ ferrum, page }) => {
  const choice = page.getByLabel('Model', { exact: true });
  await expect(choice.locator('option')).toHaveText([model, /^other/]);
  await choice.selectOption('other');
  const said = await ferrum.ask(question);
  await expect(said.getByRole('heading', { name: 'other' })).toBeVisible();
  await expect(choice.locator('option').nth(1)).toHaveText('other'); // loaded now
  await page.reload();
  await expect(choice).toHaveValue('other');
});

test('thoughts are folded, once there is an answer', async ({ play, scripted }) => {
  let goOn;
  scripted.answer(async (out) => {
    await out.thought('Let me think of **France**.');
    await new Promise((resolve) => (goOn = resolve));
    await out.text('Paris.');
    await out.end();
  });
  await play.say(question);
  const thoughts = play.answers.last().locator('details');
  await expect(thoughts).toHaveAttribute('open');
  await expect(thoughts.locator('strong')).toHaveText('France');
  goOn();
  await play.whole();
  await expect(thoughts).not.toHaveAttribute('open');
  await thoughts.getByText('Thoughts').click();
  await expect(thoughts.locator('strong')).toBeVisible();
});

test('token probabilities: what else might have been said', async ({ ferrum, page }) => {
  await ferrum.button('Settings').click();
  await page.getByLabel(/Ask for token probabilities/).check();
  await page.keyboard.press('Escape');
  const said = await ferrum.ask(question);
  await ferrum.button('Token probabilities', said).click();
  await said.locator('.token').nth(1).hover();
  await expect(said.locator('.alternatives .drawn th')).toHaveText('␣capital');
  await expect(said.locator('.alternatives tr')).toHaveCount(5);
  await said.locator('.token-list').focus();
  await page.keyboard.press('ArrowLeft');
  await expect(said.locator('.alternatives .drawn th')).toHaveText('The');
});

test('Markdown, code and mathematics are set; code is copied', async ({ play, scripted, page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  scripted.answer(async (out) => {
    await out.text('# Title\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\ndef f(n):\n    return n ** 2\n');
    await out.text('```\n\nSo \\(x^2\\) and $y_1$ for $5, and\n\n$$\\sum_{i=1}^n i = \\frac{n(n+1)}{2}$$\n\n- [x] done\n');
    await out.end();
  });
  const said = await play.ask('Show me.');
  await expect(said.getByRole('heading', { name: 'Title' })).toBeVisible();
  await expect(said.locator('td.right')).toHaveText('2');
  await expect(said.locator('.hljs-keyword').first()).toHaveText('def');
  await expect(said.locator('math')).toHaveCount(3);
  await expect(said.locator('math mfrac')).toHaveCount(1);
  const font = () => page.evaluate(() => [...document.fonts].find(({ family }) => family.includes('Formulas'))?.status);
  await expect.poll(font).toBe('loaded');
  await expect(said).toContainText('for $5');
  await said.getByRole('button', { name: 'Copy' }).first().click();
  await expect(said.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('def f(n):\n    return n ** 2');
});
