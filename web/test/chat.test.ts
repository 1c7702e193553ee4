import { afterEach, expect, test, vi } from 'vitest';
import { bodyOf, chat, pieceOf, type Piece } from '../src/api/chat';
import { ServerError, Unreachable } from '../src/api/errors';

const asked = { model: 'm', messages: [], chances: 0, continues: false };
const chunk = (delta: object, rest: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ delta, logprobs: null, finish_reason: null, ...rest }] })}\n\n`;

function serve(status: number, ...parts: string[]): void {
  const body = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  vi.stubGlobal('fetch', async () => new Response(body, { status }));
}

async function told(): Promise<Piece[]> {
  const all: Piece[] = [];
  for await (const pieces of chat(asked, new AbortController().signal)) all.push(...pieces);
  return all;
}

afterEach(() => vi.unstubAllGlobals());

test('only what is asked for is sent', () => {
  expect(bodyOf(asked)).toEqual({ model: 'm', messages: [], stream: true, stream_options: { include_usage: true }, timings_per_token: true });
  expect(bodyOf({ ...asked, temperature: 0, chances: 5, continues: true, thinking: 'off' })).toMatchObject({
    temperature: 0,
    logprobs: true,
    top_logprobs: 5,
    continue_final_message: true,
    chat_template_kwargs: { enable_thinking: false },
  });
});

test('a schema and tools are sent as the API has them', () => {
  const tools = [{ type: 'function' as const, function: { name: 'f', parameters: {} } }];
  expect(bodyOf({ ...asked, schema: '{"type": "object"}', tools })).toMatchObject({
    response_format: { type: 'json_schema', json_schema: { strict: true, schema: { type: 'object' } } },
    tools,
  });
  expect(bodyOf({ ...asked, tools: [] })).not.toHaveProperty('tools');
});

test('calls come in pieces', () => {
  const delta = { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }] };
  expect(pieceOf(JSON.stringify({ choices: [{ delta, finish_reason: null }] })).calls).toEqual([{ index: 0, id: 'c1', name: 'f', arguments: '' }]);
  const end = { choices: [{ delta: {}, finish_reason: 'tool_calls' }] };
  expect(pieceOf(JSON.stringify(end)).finish).toBe('tool_calls');
});

test('text, thoughts, the end and what it took', async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4 } };
  const timings = { prompt_n: 3, prompt_per_second: 60.5, predicted_n: 2, predicted_per_second: 20.25 };
  serve(
    200,
    chunk({ role: 'assistant', content: '' }) + chunk({ reasoning_content: 'hm' }),
    chunk({ content: 'Hi' }) + chunk({}, { finish_reason: 'stop' }) + `data: ${JSON.stringify({ choices: [], usage, timings })}\n\n`,
    'data: [DONE]\n\n',
  );
  expect(await told()).toEqual([
    {},
    { thought: 'hm' },
    { text: 'Hi' },
    { finish: 'stop' },
    { usage: { tokens: 2, promptTokens: 7, cachedTokens: 4 }, speeds: { prompt: 60.5, answer: 20.25 } },
  ]);
});

test('chances of tokens', () => {
  const content = [{ token: 'a', logprob: -0.1, bytes: [97], top_logprobs: [{ token: 'b', logprob: -2, bytes: [98] }] }];
  const data = JSON.stringify({ choices: [{ delta: { content: 'a' }, logprobs: { content } }] });
  expect(pieceOf(data).tokens).toEqual([{ text: 'a', logprob: -0.1, others: [{ text: 'b', logprob: -2 }] }]);
});

test('a stream that ends too early is no answer', async () => {
  serve(200, chunk({ content: 'Hal' }));
  await expect(told()).rejects.toThrow(Unreachable);
});

test('a failure is told in the server’s words, after what came before it', async () => {
  serve(200, `${chunk({ content: 'Hal' })}data: {"error":{"message":"the server is stopping","code":"unavailable"}}\n\n`);
  const pieces: Piece[] = [];
  await expect(
    (async () => {
      for await (const some of chat(asked, new AbortController().signal)) pieces.push(...some);
    })(),
  ).rejects.toThrow(new ServerError('the server is stopping', 200, 'unavailable'));
  expect(pieces).toEqual([{ text: 'Hal' }]);
});

test('a refusal is told in the server’s words', async () => {
  serve(400, '{"error":{"message":"temperature must be a number","code":"invalid_value"}}');
  await expect(told()).rejects.toThrow('temperature must be a number');
  serve(502, '<html>Bad gateway</html>');
  await expect(told()).rejects.toThrow('the status 502');
});
