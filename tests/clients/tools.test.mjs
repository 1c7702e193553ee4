// Loops of two steps with other people's clients: the model calls a tool, gets its result, and answers. The model's
// words are recorded; prompts, parsers and APIs are the real ones.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { serveReplay } from '../support/server.mjs';

const call = (name, args) => `<tool_call>\n${JSON.stringify({ name, arguments: args })}\n</tool_call>`;
const city = { city: 'Paris' };
// The question decides which answer comes, so the order of the tests does not matter.
const recorded = [
  { when: 'weather', answer: `<think>\nI have to look.\n</think>\n\nI look.\n${call('get_weather', city)}` },
  { when: '21 degrees', answer: 'It is 21 degrees in Paris.' },
  { when: 'both', answer: `${call('get_weather', city)}\n${call('get_weather', { city: 'Rome' })}` },
  { when: 'as JSON', answer: '{"city": "Paris", "degrees": 21}' },
];
const question = 'What is the weather?';
const answer = 'It is 21 degrees in Paris.';
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const weather = { name: 'get_weather', description: 'The weather of a city', schema };

// The modules, or nothing where one is not installed.
async function load(...names) {
  try {
    return await Promise.all(names.map((name) => import(name)));
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

suite('loops with tools', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ferrum-clients-'));
  const file = path.join(folder, 'answers.jsonl');
  const model = 'answers';
  const key = 'none';
  let server;
  let baseURL;
  let openai;
  let anthropic;

  before(async () => {
    writeFileSync(file, recorded.map((line) => JSON.stringify(line)).join('\n'));
    server = await serveReplay(file, '--threads', '1', '--name', model);
    baseURL = `${server.url}/v1`;
    openai = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
    anthropic = new Anthropic({ baseURL: server.url, apiKey: key, maxRetries: 0 });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    rmSync(folder, { recursive: true });
  });

  const messages = [{ role: 'user', content: question }];
  const asked = [];
  const run = (args) => {
    asked.push(args);
    return '21 degrees';
  };
  const expectAsked = () => assert.deepEqual(asked.splice(0), [city]);
  const tools = [{ type: 'function', function: { name: weather.name, description: weather.description, parameters: schema } }];

  for (const stream of [false, true])
    test(`openai runTools, stream: ${stream}`, async () => {
      const runner = openai.chat.completions.runTools({
        model,
        messages,
        stream,
        tools: [{ ...tools[0], function: { ...tools[0].function, function: run, parse: JSON.parse } }],
      });
      assert.equal(await runner.finalContent(), answer);
      expectAsked();
      const first = runner.messages[1];
      assert.equal(first.content, 'I look.');
      assert.equal(first.tool_calls.length, 1);
    });

  test('openai: calls are parsed and thoughts are apart', async () => {
    const { choices } = await openai.chat.completions.create({ model, messages, tools });
    assert.equal(choices[0].finish_reason, 'tool_calls');
    assert.equal(choices[0].message.reasoning_content, 'I have to look.');
    assert.equal(choices[0].message.tool_calls[0].function.arguments, JSON.stringify(city));
  });

  test('openai: two calls of one answer have ids and indices of their own', async () => {
    const ask = { model, messages: [{ role: 'user', content: 'both' }], tools };
    const stream = openai.chat.completions.stream(ask);
    const { tool_calls: calls } = (await stream.finalChatCompletion()).choices[0].message;
    assert.deepEqual(calls.map((c) => JSON.parse(c.function.arguments).city), ['Paris', 'Rome']);
    assert.equal(new Set(calls.map((c) => c.id)).size, 2);
    const one = await openai.chat.completions.create({ ...ask, parallel_tool_calls: false });
    assert.equal(one.choices[0].message.tool_calls.length, 1);
  });

  test('openai: functions of older clients', async () => {
    const functions = [{ name: weather.name, parameters: schema }];
    const first = await openai.chat.completions.create({ model, messages, functions });
    assert.equal(first.choices[0].finish_reason, 'function_call');
    const second = await openai.chat.completions.create({
      model,
      functions,
      messages: [...messages, first.choices[0].message, { role: 'function', name: weather.name, content: '21 degrees' }],
    });
    assert.equal(second.choices[0].message.content, answer);
  });

  test('openai responses', async () => {
    const functions = [{ type: 'function', name: weather.name, parameters: schema, strict: true }];
    const first = await openai.responses.create({ model, input: question, tools: functions });
    assert.deepEqual(first.output.map((item) => item.type), ['reasoning', 'message', 'function_call']);
    const result = { type: 'function_call_output', call_id: first.output[2].call_id, output: '21 degrees' };
    const stored = await openai.responses.create({ model, previous_response_id: first.id, input: [result], tools: functions });
    assert.equal(stored.output_text, answer);
    const input = [{ role: 'user', content: question }, ...first.output, result];
    const stream = openai.responses.stream({ model, input, tools: functions, store: false });
    assert.equal((await stream.finalResponse()).output_text, answer);
  });

  test('openai responses: a custom tool streams its text', async () => {
    const custom = [{ type: 'custom', name: weather.name }];
    const types = [];
    const stream = await openai.responses.create({ model, input: question, tools: custom, stream: true });
    for await (const event of stream) types.push(event.type);
    assert.ok(types.includes('response.custom_tool_call_input.done'));
  });

  test('openai: answers are parsed by schemas', async (t) => {
    const modules = await load('zod', 'openai/helpers/zod');
    if (!modules) return t.skip('not installed');
    const [{ z }, { zodResponseFormat, zodTextFormat }] = modules;
    const wanted = z.object({ city: z.string(), degrees: z.number() });
    const parsed = { city: 'Paris', degrees: 21 };
    const completion = await openai.chat.completions.parse({
      model,
      messages: [{ role: 'user', content: 'as JSON' }],
      response_format: zodResponseFormat(wanted, 'report'),
    });
    assert.deepEqual(completion.choices[0].message.parsed, parsed);
    const response = await openai.responses.parse({ model, input: 'as JSON', text: { format: zodTextFormat(wanted, 'report') } });
    assert.deepEqual(response.output_parsed, parsed);
  });

  for (const stream of [false, true])
    test(`Anthropic tool runner, stream: ${stream}`, async () => {
      const runner = anthropic.beta.messages.toolRunner({
        model,
        max_tokens: 400,
        messages,
        stream,
        tools: [{ name: weather.name, description: weather.description, input_schema: schema, run, parse: (input) => input }],
      });
      const message = await runner.runUntilDone();
      assert.equal(message.content.at(-1).text, answer);
      expectAsked();
    });

  test('Anthropic: blocks and counts', async () => {
    const anthropicTools = [{ name: weather.name, input_schema: schema, eager_input_streaming: true }];
    const ask = { model, messages, tools: anthropicTools };
    const message = await anthropic.messages.create({ ...ask, max_tokens: 400 });
    assert.deepEqual(message.content.map((block) => block.type), ['thinking', 'text', 'tool_use']);
    assert.equal(message.stop_reason, 'tool_use');
    const with_tools = await anthropic.messages.countTokens(ask);
    const without = await anthropic.messages.countTokens({ model, messages });
    assert.ok(with_tools.input_tokens > without.input_tokens);
  });

  test("Vercel's ai", async (t) => {
    const modules = await load('ai', 'zod', '@ai-sdk/openai', '@ai-sdk/openai-compatible', '@ai-sdk/anthropic');
    if (!modules) return t.skip('not installed');
    const [ai, { z }, { createOpenAI }, { createOpenAICompatible }, { createAnthropic }] = modules;
    const provided = createOpenAI({ baseURL, apiKey: key });
    const models = [
      provided.chat(model),
      provided.responses(model),
      createOpenAICompatible({ name: 'ferrum', baseURL, apiKey: key, supportsStructuredOutputs: true })(model),
      createAnthropic({ baseURL, apiKey: key })(model),
    ];
    const get_weather = ai.tool({ description: weather.description, inputSchema: z.object({ city: z.string() }), execute: run });
    for (const each of models) {
      const options = { model: each, prompt: question, tools: { get_weather }, stopWhen: ai.stepCountIs(3) };
      const done = await ai.generateText(options);
      assert.equal(done.text, answer);
      assert.equal(done.steps.length, 2);
      expectAsked();
      const streamed = ai.streamText(options);
      let text = '';
      for await (const piece of streamed.textStream) text += piece;
      assert.ok(text.endsWith(answer), text);
      expectAsked();
      const { object } = await ai.generateObject({
        model: each,
        prompt: 'as JSON',
        schema: z.object({ city: z.string(), degrees: z.number() }),
      });
      assert.equal(object.degrees, 21);
    }
  });

  test('LangChain', async (t) => {
    const modules = await load('zod', '@langchain/core/tools', '@langchain/core/messages', '@langchain/openai', '@langchain/anthropic');
    if (!modules) return t.skip('not installed');
    const [{ z }, { tool }, { HumanMessage }, { ChatOpenAI }, { ChatAnthropic }] = modules;
    const get_weather = tool(run, { name: weather.name, description: weather.description, schema: z.object({ city: z.string() }) });
    for (const chat of [
      new ChatOpenAI({ model, apiKey: key, configuration: { baseURL } }),
      new ChatOpenAI({ model, apiKey: key, configuration: { baseURL }, useResponsesApi: true }),
      new ChatAnthropic({ model, apiKey: key, anthropicApiUrl: server.url, maxTokens: 400 }),
    ]) {
      const bound = chat.bindTools([get_weather]);
      const turns = [new HumanMessage(question)];
      const first = await bound.invoke(turns);
      turns.push(first, await get_weather.invoke(first.tool_calls[0]));
      expectAsked();
      assert.equal((await bound.invoke(turns)).text, answer);
    }
    const structured = new ChatOpenAI({ model, apiKey: key, configuration: { baseURL } }).withStructuredOutput(
      z.object({ city: z.string(), degrees: z.number() }),
    );
    assert.equal((await structured.invoke('as JSON')).degrees, 21);
  });

  test('@openai/agents', async (t) => {
    const modules = await load('zod', '@openai/agents');
    if (!modules) return t.skip('not installed');
    const [{ z }, { Agent, OpenAIProvider, Runner, setTracingDisabled, tool }] = modules;
    setTracingDisabled(true);
    const get_weather = tool({
      name: weather.name,
      description: weather.description,
      parameters: z.object({ city: z.string() }),
      execute: run,
    });
    for (const useResponses of [true, false]) {
      const runner = new Runner({ modelProvider: new OpenAIProvider({ baseURL, apiKey: key, useResponses }) });
      const agent = new Agent({ name: 'Tester', instructions: 'Be brief.', model, tools: [get_weather] });
      assert.equal((await runner.run(agent, question)).finalOutput, answer);
      expectAsked();
    }
  });
});
