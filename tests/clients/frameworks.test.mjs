// Frameworks above the clients: each asks, streams, and goes on with what it was answered.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { key, model, serve } from './server.mjs';

const question = 'What is the capital of France?';
const next = 'What is the capital of Spain?';
const answer = 'The capital of France is Paris.';

// The modules, or nothing where one is not installed.
async function load(...names) {
  try {
    return await Promise.all(names.map((name) => import(name)));
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function joined(pieces, text = (piece) => piece) {
  let all = '';
  for await (const piece of pieces) all += text(piece) ?? '';
  return all;
}

suite('frameworks', () => {
  let server;
  let baseURL;

  before(async () => {
    server = await serve();
    baseURL = `${server.url}/v1`;
  });
  after(() => server.stop());

  test("Vercel's ai", async (t) => {
    const modules = await load('ai', '@ai-sdk/openai', '@ai-sdk/openai-compatible', '@ai-sdk/anthropic');
    if (!modules) return t.skip('not installed');
    const [{ generateText, streamText }, { createOpenAI }, { createOpenAICompatible }, { createAnthropic }] = modules;
    const openai = createOpenAI({ baseURL, apiKey: key });
    const models = {
      responses: openai(model),
      chat: openai.chat(model),
      compatible: createOpenAICompatible({ name: 'ferrum', baseURL, apiKey: key })(model),
      anthropic: createAnthropic({ baseURL, apiKey: key })(model),
    };
    for (const [name, one] of Object.entries(models)) {
      const options = { model: one, temperature: 0, maxOutputTokens: 40 };
      const first = await generateText({ ...options, prompt: question });
      assert.equal(first.text, answer, name);
      const messages = [{ role: 'user', content: question }, ...first.response.messages, { role: 'user', content: next }];
      assert.ok(await joined(streamText({ ...options, system: 'Be brief.', messages }).textStream), name);
    }
  });

  test('LangChain', async (t) => {
    const modules = await load('@langchain/openai', '@langchain/anthropic');
    if (!modules) return t.skip('not installed');
    const [{ ChatOpenAI }, { ChatAnthropic }] = modules;
    const options = { model, apiKey: key, temperature: 0, maxTokens: 40 };
    for (const one of [
      new ChatOpenAI({ ...options, configuration: { baseURL } }),
      new ChatOpenAI({ ...options, configuration: { baseURL }, useResponsesApi: true }),
      new ChatAnthropic({ ...options, anthropicApiUrl: server.url }),
    ]) {
      const first = await one.invoke(question);
      assert.equal(first.text, answer);
      assert.ok(await joined(await one.stream([['user', question], first, ['user', next]]), (chunk) => chunk.text));
    }
  });

  test('LlamaIndex', async (t) => {
    const modules = await load('@llamaindex/openai');
    if (!modules) return t.skip('not installed');
    const one = modules[0].openai({ model, apiKey: key, baseURL, temperature: 0 });
    const messages = [{ role: 'user', content: question }];
    const first = await one.chat({ messages });
    assert.equal(first.message.content, answer);
    const stream = await one.chat({ messages: [...messages, first.message, { role: 'user', content: next }], stream: true });
    assert.ok(await joined(stream, (chunk) => chunk.delta));
  });

  test("OpenAI's agents", async (t) => {
    const modules = await load('@openai/agents');
    if (!modules) return t.skip('not installed');
    const { Agent, OpenAIProvider, Runner, setTracingDisabled } = modules[0];
    setTracingDisabled(true);
    for (const useResponses of [true, false]) {
      const runner = new Runner({ modelProvider: new OpenAIProvider({ baseURL, apiKey: key, useResponses }) });
      const agent = new Agent({ name: 'Tester', instructions: 'Be brief.', model, modelSettings: { temperature: 0 } });
      const first = await runner.run(agent, question);
      assert.ok(first.finalOutput);
      const turns = [...first.history, { role: 'user', content: next }];
      assert.ok((await runner.run(agent, turns)).finalOutput);
      assert.ok(await joined((await runner.run(agent, question, { stream: true })).toTextStream()));
    }
  });
});
