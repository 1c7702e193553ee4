// OpenAI's own client and its streaming helpers over every endpoint of its API that Ferrum serves.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import OpenAI from 'openai';
import { expectValid, there } from './schema.mjs';
import { key, model, serve } from './server.mjs';

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const answer = 'The capital of France is Paris.';

suite('the OpenAI client', () => {
  let server;
  let client;

  before(async () => {
    server = await serve();
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 });
  });
  after(() => server.stop());

  // What the wire has, before the client makes something of it.
  const raw = async (path, body) => {
    const response = await fetch(`${server.url}/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: body && JSON.stringify(body),
    });
    return response;
  };
  const events = async (path, body) => {
    const text = await (await raw(path, { ...body, stream: true })).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
      .map((line) => JSON.parse(line.slice('data: '.length)));
  };

  test('lists and names models', async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert.deepEqual(ids, [model]);
    assert.equal((await client.models.retrieve(model)).owned_by, 'ferrum');
    await assert.rejects(client.models.retrieve('other'), OpenAI.NotFoundError);
    expectValid('ListModelsResponse', await (await raw('/models')).json());
    expectValid('Model', await (await raw(`/models/${model}`)).json());
  });

  test('chats', async () => {
    const completion = await client.chat.completions.create({ model, messages, temperature: 0 });
    assert.equal(completion.choices[0].message.content, answer);
    assert.equal(completion.choices[0].finish_reason, 'stop');
    assert.equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens);
    expectValid('CreateChatCompletionResponse', await (await raw('/chat/completions', { model, messages })).json());
  });

  test('chats with everything that can be asked for', async () => {
    const body = {
      model,
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
        { role: 'assistant', content: 'Hello!' },
        { role: 'user', content: 'Tell me a story.' },
      ],
      n: 3,
      seed: 7,
      temperature: 0.9,
      top_p: 0.95,
      presence_penalty: 0.5,
      frequency_penalty: 0.5,
      logit_bias: { 300: -100 },
      stop: ['the end', '!!'],
      max_completion_tokens: 12,
      logprobs: true,
      top_logprobs: 4,
      user: 'somebody',
      metadata: { what: 'a test' },
    };
    const one = await client.chat.completions.create(body);
    const other = await client.chat.completions.create(body);
    assert.equal(one.choices.length, 3);
    assert.deepEqual(
      one.choices.map((c) => c.message.content),
      other.choices.map((c) => c.message.content),
      'the same seed gives the same answers',
    );
    for (const choice of one.choices) {
      assert.ok(choice.logprobs.content.length <= 12);
      for (const token of choice.logprobs.content) assert.equal(token.top_logprobs.length, 4);
    }
    expectValid('CreateChatCompletionResponse', await (await raw('/chat/completions', body)).json());
  });

  test('streams chats', async () => {
    const stream = await client.chat.completions.create({
      model,
      messages,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, answer);
    assert.ok(usage.completion_tokens > 0);
    for (const event of await events('/chat/completions', { model, messages, logprobs: true, max_tokens: 4 }))
      expectValid('CreateChatCompletionStreamResponse', event);
  });

  test("streams chats through the client's helpers", async () => {
    const runner = client.chat.completions.stream({ model, messages, temperature: 0 });
    const pieces = [];
    runner.on('content', (piece) => pieces.push(piece));
    assert.equal(await runner.finalContent(), answer);
    assert.equal(pieces.join(''), answer);
    assert.equal((await runner.finalChatCompletion()).choices[0].finish_reason, 'stop');
  });

  test('a stream that is broken off leaves the server well', async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'Tell me a story.' }],
      stream: true,
      max_tokens: 400,
      ignore_eos: true,
    });
    for await (const _ of stream) break;
    stream.controller.abort();
    const completion = await client.chat.completions.create({ model, messages, temperature: 0 });
    assert.equal(completion.choices[0].message.content, answer);
  });

  test('completes', async () => {
    const body = { model, prompt: ['Once upon a time', 'There was'], max_tokens: 8, n: 2, echo: true, temperature: 0 };
    const completion = await client.completions.create(body);
    assert.equal(completion.choices.length, 4);
    assert.ok(completion.choices[0].text.startsWith('Once upon a time'));
    assert.ok(completion.choices[3].text.startsWith('There was'));
    expectValid('CreateCompletionResponse', await (await raw('/completions', body)).json());
    const bestOf = { model, prompt: 'Once', best_of: 3, logprobs: 2, max_tokens: 4 };
    expectValid('CreateCompletionResponse', await (await raw('/completions', bestOf)).json());

    // As evaluation harnesses ask how likely a text is. (The description has no null for the first token's.)
    const scored = await client.completions.create({ model, prompt: 'Once upon a time', echo: true, logprobs: 1, max_tokens: 0 });
    assert.equal(scored.choices[0].text, 'Once upon a time');
    const { tokens, token_logprobs: chances, text_offset: offsets } = scored.choices[0].logprobs;
    assert.equal(tokens.join(''), 'Once upon a time');
    assert.equal(chances[0], null);
    assert.ok(chances.slice(1).every((chance) => chance <= 0));
    assert.equal(offsets.at(-1) + tokens.at(-1).length, 'Once upon a time'.length);

    let text = '';
    for await (const chunk of await client.completions.create({ ...body, echo: false, n: 1, prompt: 'Once', stream: true }))
      text += chunk.choices[0].text;
    assert.equal(text, (await client.completions.create({ ...body, echo: false, n: 1, prompt: 'Once' })).choices[0].text);
    // The description has no null for the finish_reason of chunks, which OpenAI's own have until the last.
    const chunks = await events('/completions', { model, prompt: 'Once', max_tokens: 3 });
    for (const chunk of chunks.slice(0, -1)) {
      assert.equal(chunk.choices[0].finish_reason, null);
      chunk.choices[0].finish_reason = 'stop';
    }
    for (const chunk of chunks) expectValid('CreateCompletionResponse', chunk);
  });

  test('responds', async () => {
    const first = await client.responses.create({ model, input: messages[0].content, instructions: 'Be brief.', temperature: 0 });
    assert.equal(first.status, 'completed');
    assert.ok(first.output_text.length > 0);
    const next = await client.responses.create({ model, input: 'And of Spain?', previous_response_id: first.id, max_output_tokens: 9 });
    assert.equal(next.previous_response_id, first.id);
    assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text);
    const items = [];
    for await (const item of client.responses.inputItems.list(next.id)) items.push(item);
    assert.equal(items[0].content[0].text, 'And of Spain?');
    assert.ok((await client.responses.inputTokens.count({ model, input: 'Hello' })).input_tokens > 0);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
    await assert.rejects(
      client.responses.create({ model, input: 'x', previous_response_id: first.id }),
      (e) => e.status === 404 && e.param === 'previous_response_id',
    );
    const body = { model, input: 'Hello', include: ['message.output_text.logprobs'], top_logprobs: 2, max_output_tokens: 3 };
    const response = await (await raw('/responses', body)).json();
    expectValid('Response', response);
    expectValid('ResponseItemList', await (await raw(`/responses/${response.id}/input_items`)).json());
  });

  test('responds to items of earlier responses', async () => {
    const first = await client.responses.create({ model, input: messages, temperature: 0 });
    const echoed = await client.responses.create({
      model,
      input: [...messages, ...first.output, { role: 'user', content: 'And of Spain?' }],
      max_output_tokens: 9,
      reasoning: { effort: 'low', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
    });
    const referred = await client.responses.create({
      model,
      input: [...messages, { type: 'item_reference', id: first.output[0].id }, { role: 'user', content: 'And of Spain?' }],
      max_output_tokens: 9,
    });
    assert.equal(referred.usage.input_tokens, echoed.usage.input_tokens);
    const long = Array.from({ length: 200 }, () => ({ role: 'user', content: 'Tell me about rivers and boats.' }));
    const cut = await client.responses.create({ model, input: long, truncation: 'auto', max_output_tokens: 5 });
    assert.equal(cut.truncation, 'auto');
  });

  test('responds in the background', async () => {
    const poll = async (id, until) => {
      for (;;) {
        const response = await client.responses.retrieve(id);
        if (until(response.status)) return response;
      }
    };
    const queued = await client.responses.create({ model, input: messages[0].content, temperature: 0, background: true });
    assert.equal(queued.status, 'queued');
    const whole = await poll(queued.id, (status) => !['queued', 'in_progress'].includes(status));
    assert.equal(whole.output_text, answer);
    expectValid('Response', await (await raw(`/responses/${queued.id}`)).json());

    const endless = { model, input: 'Tell me a story.', background: true, ignore_eos: true, context_shift: true };
    const running = await client.responses.create(endless);
    await poll(running.id, (status) => status === 'in_progress');
    assert.equal((await client.responses.cancel(running.id)).status, 'cancelled');
    assert.equal((await client.responses.retrieve(running.id)).status, 'cancelled');
    const done = await client.responses.create({ model, input: 'Hello' });
    await assert.rejects(client.responses.cancel(done.id), OpenAI.BadRequestError);
  });

  test('streams responses', async () => {
    const stream = client.responses.stream({ model, input: messages[0].content, temperature: 0 });
    let text = '';
    stream.on('response.output_text.delta', (event) => (text += event.delta));
    const whole = await stream.finalResponse();
    assert.equal(whole.output_text, answer);
    assert.equal(text, answer);
    for (const event of await events('/responses', { model, input: 'Hello', max_output_tokens: 3 }))
      expectValid('ResponseStreamEvent', event);
  });

  test('a model of any size calls what it has to call', async () => {
    const parameters = {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Rome'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['city', 'days'],
      additionalProperties: false,
    };
    const body = {
      model,
      messages,
      max_tokens: 200,
      parallel_tool_calls: false,
      tools: [{ type: 'function', function: { name: 'forecast', parameters } }],
      tool_choice: 'required',
    };
    const whole = await client.chat.completions.create(body);
    const streamed = await client.chat.completions.stream(body).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      const [call] = choices[0].message.tool_calls;
      assert.equal(call.function.name, 'forecast');
      const { city, days } = JSON.parse(call.function.arguments);
      assert.ok(['Paris', 'Rome'].includes(city) && days >= 1 && days <= 9, call.function.arguments);
    }
    const { tools, max_tokens, messages: _, ...rest } = body;
    const flat = { ...rest, input: 'Hello', max_output_tokens: max_tokens, tools: tools.map((tool) => ({ type: 'function', ...tool.function })) };
    // All of it first: while a description is compiled, the server closes connections that wait.
    const told = {
      CreateChatCompletionResponse: [await (await raw('/chat/completions', body)).json()],
      CreateChatCompletionStreamResponse: await events('/chat/completions', body),
      Response: [await (await raw('/responses', flat)).json()],
      ResponseStreamEvent: await events('/responses', flat),
    };
    for (const [name, all] of Object.entries(told)) for (const each of all) expectValid(name, each);
  });

  test('mistakes are errors of their kind', async () => {
    const refused = (body, check) =>
      assert.rejects(client.chat.completions.create({ model, messages, ...body }), (e) => {
        assert.ok(e instanceof OpenAI.APIError, `${e}`);
        return check(e);
      });
    await refused({ temperature: -1 }, (e) => e.status === 400 && e.param === 'temperature');
    await refused({ no_such_field: 1 }, (e) => e.status === 400 && e.param === 'no_such_field');
    await refused({ model: 'other' }, (e) => e.status === 404 && e.code === 'model_not_found');
    const long = [{ role: 'user', content: 'word '.repeat(3000) }];
    await refused({ messages: long }, (e) => e.status === 400 && e.code === 'context_length_exceeded');
    await refused({ tools: [{ type: 'function', function: {} }] }, (e) => e.status === 400 && e.param === 'tools[0].function.name');
    const schema = { $ref: 'http://localhost/schema' };
    const format = { type: 'json_schema', json_schema: { name: 'far', schema } };
    await refused({ response_format: format }, (e) => e.status === 400 && e.param === 'response_format.json_schema.schema');
    const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
    expectValid('ErrorResponse', await (await raw('/chat/completions', { model })).json());
  });

  test('many at once are all answered', async () => {
    const all = await Promise.all(
      Array.from({ length: 40 }, () => client.chat.completions.create({ model, messages, temperature: 0 })),
    );
    for (const completion of all) assert.equal(completion.choices[0].message.content, answer);
  });

  test("bodies were compared with OpenAI's description", { skip: !there && 'it is not here' }, () => {
    assert.throws(() => expectValid('CreateChatCompletionResponse', {}));
  });
});
