// Anthropic's own client and its streaming helpers.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { key, model, serve } from './server.mjs';

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const answer = 'The capital of France is Paris.';

suite('the Anthropic client', () => {
  let server;
  let client;

  before(async () => {
    server = await serve();
    client = new Anthropic({ baseURL: server.url, apiKey: key, maxRetries: 0 });
  });
  after(() => server.stop());

  test('asks', async () => {
    const message = await client.messages.create({ model, max_tokens: 50, messages, temperature: 0 });
    assert.equal(message.content[0].text, answer);
    assert.equal(message.stop_reason, 'end_turn');
    assert.ok(message.usage.output_tokens > 0);
  });

  test('asks with everything that can be asked for', async () => {
    const message = await client.messages.create({
      model,
      max_tokens: 20,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [...messages, { role: 'assistant', content: 'The capital of' }],
      temperature: 0,
      top_k: 5,
      top_p: 0.9,
      stop_sequences: ['Paris'],
      metadata: { user_id: 'somebody' },
      thinking: { type: 'disabled' },
      output_config: { effort: 'low' },
    });
    assert.ok(['end_turn', 'stop_sequence', 'max_tokens'].includes(message.stop_reason));
    assert.ok(!message.content.map((block) => block.text).join('').includes('Paris'));
  });

  test('stops at a sequence and says which', async () => {
    const message = await client.messages.create({ model, max_tokens: 50, messages, temperature: 0, stop_sequences: [' Paris'] });
    assert.equal(message.stop_reason, 'stop_sequence');
    assert.equal(message.stop_sequence, ' Paris');
    assert.equal(message.content[0].text, 'The capital of France is');
  });

  test("streams through the client's helpers", async () => {
    const stream = client.messages.stream({ model, max_tokens: 50, messages, temperature: 0 });
    let text = '';
    stream.on('text', (piece) => (text += piece));
    const message = await stream.finalMessage();
    assert.equal(text, answer);
    assert.equal(message.content[0].text, answer);
    assert.equal(message.stop_reason, 'end_turn');
    assert.ok(message.usage.output_tokens > 0);
    assert.equal(message.usage.input_tokens + message.usage.cache_read_input_tokens, 16);
  });

  test('streams events', async () => {
    const types = [];
    for await (const event of await client.messages.create({ model, max_tokens: 3, messages, stream: true }))
      types.push(event.type);
    assert.equal(types[0], 'message_start');
    assert.equal(types.at(-1), 'message_stop');
  });

  test('goes on with a conversation', async () => {
    const first = await client.messages.create({ model, max_tokens: 50, messages, temperature: 0 });
    const second = await client.messages.create({
      model,
      max_tokens: 20,
      system: 'Be brief.',
      messages: [
        ...messages,
        { role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.', signature: '' }, ...first.content] },
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'And of Spain?' },
      ],
    });
    assert.ok(second.usage.output_tokens > 0);
  });

  test('a thought has a budget', async () => {
    const message = await client.messages.create({
      model,
      max_tokens: 60,
      messages,
      thinking: { type: 'enabled', budget_tokens: 5 },
    });
    assert.equal(message.type, 'message');
  });

  test('billing lines do not keep prompts from being cached', async () => {
    const ask = (number) =>
      client.messages.create({
        model,
        max_tokens: 5,
        system: [
          { type: 'text', text: `x-anthropic-billing-header: cch=${number};` },
          { type: 'text', text: 'Answer the question in one short sentence, please, and be kind. '.repeat(6) },
        ],
        messages,
      });
    await ask('63f3e');
    assert.ok((await ask('c8419')).usage.cache_read_input_tokens > 0);
  });

  test('lists models', async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert.deepEqual(ids, [model]);
    assert.equal((await client.models.retrieve(model)).display_name, model);
  });

  test('what the context has no room for', async () => {
    const message = await client.messages.create({ model, max_tokens: 20000, messages, temperature: 0 });
    assert.equal(message.stop_reason, 'end_turn');
    await assert.rejects(
      client.messages.create({ model, max_tokens: 9, messages: [{ role: 'user', content: 'river '.repeat(3000) }] }),
      /prompt is too long: \d+ tokens > \d+ maximum/,
    );
  });

  test('counts tokens', async () => {
    assert.equal((await client.messages.countTokens({ model, messages })).input_tokens, 16);
  });

  test('mistakes are errors of their kind', async () => {
    await assert.rejects(client.messages.create({ model, max_tokens: 9, messages: [] }), Anthropic.BadRequestError);
    await assert.rejects(client.messages.create({ model: 'other', max_tokens: 9, messages }), Anthropic.NotFoundError);
    const stranger = new Anthropic({ baseURL: server.url, apiKey: 'wrong', maxRetries: 0 });
    await assert.rejects(stranger.messages.create({ model, max_tokens: 9, messages }), Anthropic.AuthenticationError);
  });
});
