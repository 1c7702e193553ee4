import { expect, question, test as base } from './page.mjs';
import { toolServer } from './tool-server.mjs';

const test = base.extend({
  tools: async ({ watched }, use) => {
    const server = await toolServer();
    watched.own.push(new URL(server.url).origin);
    await use(server);
    await server.stop();
  },
});

const settings = (page) => page.getByRole('dialog', { name: 'Settings' });
const field = (page, label) => settings(page).getByLabel(label).first();

async function switchOn(ferrum, page, tools) {
  await ferrum.button('Settings').click();
  await settings(page).getByLabel('Let the model call tools of MCP servers').check();
  await settings(page).getByLabel('Address of an MCP server').fill(tools.url);
  await ferrum.button('Add the server', settings(page)).click();
  await expect(settings(page).getByText('1 tool: weather')).toBeVisible();
  const frame = page.frames().find((one) => one.url().endsWith('/tools.html'));
  expect(await frame.title()).toBe('Requests to tool servers'); // not an error's page, which has no policy
  await page.keyboard.press('Escape');
}

const asksFor = (city) => async (writing) => {
  await writing.text('Let me look.');
  await writing.call({ id: `call_${city}`, name: 'weather', arguments: JSON.stringify({ city }) });
  await writing.end(5, undefined, 'tool_calls');
};

const says = (text, seen) => async (writing) => {
  seen?.push(writing.body);
  await writing.text(text);
  await writing.end();
};

const consent = (page) => page.getByRole('group', { name: 'May weather be called?' });

test('tools are off until they are switched on', async ({ play, scripted, page }) => {
  const seen = [];
  scripted.answer(says('Hello.', seen));
  await play.ask(question);
  expect(seen[0]).not.toHaveProperty('tools');
  expect(page.frames().some((frame) => frame.url().endsWith('/tools.html'))).toBe(false);
});

test('a call is made once the reader allows it, and the model goes on with its result', async ({ play, scripted, tools, page }) => {
  await switchOn(play, page, tools);
  const seen = [];
  scripted.answer(asksFor('Paris'));
  scripted.answer(says('It is 21 degrees.', seen));
  await play.say('How is the weather in Paris?');
  await expect(consent(page)).toContainText(tools.url);
  expect(tools.asked).toEqual([]); // not before it is allowed
  await play.button('Allow once', consent(page)).click();
  await expect(play.answers.last()).toContainText('It is 21 degrees.');
  expect(tools.asked).toEqual([{ city: 'Paris' }]);
  const [, said, result] = seen[0].messages;
  expect(said).toMatchObject({ role: 'assistant', content: 'Let me look.', tool_calls: [{ id: 'call_Paris', function: { name: 'weather' } }] });
  expect(result).toEqual({ role: 'tool', content: '{"city":"Paris","degrees":21}', tool_call_id: 'call_Paris' });
  expect(seen[0].tools[0].function.name).toBe('weather');
  await page.reload(); // the call and its result are kept
  await page.getByText('weather', { exact: true }).click();
  await expect(page.getByText('degrees:')).toBeVisible();
});

test('a call may be denied, or allowed for the rest of the chat', async ({ play, scripted, tools, page }) => {
  await switchOn(play, page, tools);
  const seen = [];
  scripted.answer(asksFor('Paris'));
  scripted.answer(says('Then not.', seen));
  await play.say('How is the weather?');
  await play.button('Deny', consent(page)).click();
  await expect(play.answers.last()).toContainText('Then not.');
  expect(seen[0].messages.at(-1).content).toBe('The user did not allow this call.');
  expect(tools.asked).toEqual([]);

  scripted.answer(asksFor('Rome'));
  scripted.answer(asksFor('Oslo'));
  scripted.answer(says('Both are warm.'));
  await play.say('And now?');
  await play.button('Always in this chat', consent(page)).click();
  await expect(play.answers.last()).toContainText('Both are warm.'); // Oslo was not asked about
  expect(tools.asked).toEqual([{ city: 'Rome' }, { city: 'Oslo' }]);

  await play.begin(); // another chat asks again
  scripted.answer(asksFor('Bonn'));
  scripted.answer(says('Fine.'));
  await play.say('Again?');
  await play.button('Allow once', consent(page)).click();
  await expect(play.answers.last()).toContainText('Fine.');
});

test('stopping ends a call that waits', async ({ play, scripted, tools, page }) => {
  await switchOn(play, page, tools);
  scripted.answer(asksFor('Paris'));
  await play.say('How is the weather?');
  await expect(consent(page)).toBeVisible();
  await play.button('Stop').click();
  await expect(play.answers.last()).toContainText('Stopped.');
  expect(tools.asked).toEqual([]);
});

test('a server that cannot be reached says so', async ({ play, page, watched }) => {
  watched.own.push('http://127.0.0.1:9');
  watched.tolerated = /ERR_/;
  await play.button('Settings').click();
  await settings(page).getByLabel('Let the model call tools of MCP servers').check();
  await settings(page).getByLabel('Address of an MCP server').fill('http://127.0.0.1:9/mcp');
  await play.button('Add the server', settings(page)).click();
  await expect(settings(page).getByText('it cannot be reached')).toBeVisible();
});

test('a schema is sent, and JSON is shown as a tree', async ({ play, scripted, page }) => {
  await play.button('Settings').click();
  await field(page, 'Schema of answers').fill('{"type": ');
  await page.keyboard.press('Tab'); // it is no JSON: not taken
  await field(page, 'Schema of answers').fill('{"type": "object"}');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  const seen = [];
  scripted.answer(says('{"name": "Ada", "years": [1815, 12345678901234567890]}', seen));
  const answer = await play.ask(question);
  expect(seen[0].response_format).toMatchObject({ type: 'json_schema', json_schema: { schema: { type: 'object' } } });
  await expect(answer.getByText('{2 members}')).toBeVisible();
  await expect(answer.getByText('12345678901234567890')).toBeVisible(); // to the last digit
  await answer.getByText('[2 items]').click();
  await expect(answer.getByText('1815')).toBeHidden();
  await play.button('JSON as text', answer).click();
  await expect(answer.getByText('{"name": "Ada"')).toBeVisible();
});
