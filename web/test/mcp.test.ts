import { expect, test } from 'vitest';
import { McpClient, ToolServerError } from '../src/api/mcp';

interface Asked {
  method: string;
  headers: Headers;
  url: string;
  body?: { id?: number; method?: string; params?: Record<string, unknown> };
}

const json = (value: unknown, headers = {}) => new Response(JSON.stringify(value), { headers: { 'Content-Type': 'application/json', ...headers } });
const signal = new AbortController().signal;

// A server that answers by function and keeps its requests.
function served(answer: (asked: Asked) => Response | Promise<Response>, token?: string) {
  const all: Asked[] = [];
  const send = (async (url: string, init: RequestInit) => {
    const asked = {
      url,
      method: init.method ?? 'GET',
      headers: new Headers(init.headers),
      ...(init.body !== undefined && { body: JSON.parse(init.body as string) as Asked['body'] }),
    };
    all.push(asked);
    return answer(asked);
  }) as unknown as typeof fetch;
  return { client: new McpClient('http://tools.example/mcp', token, send), all };
}

const results: Record<string, unknown> = {
  initialize: { protocolVersion: '2025-03-26', capabilities: { tools: {} } },
  'tools/call': { content: [{ type: 'text', text: '21 degrees' }, { type: 'image', mimeType: 'image/png', data: '' }] },
};

const answerTo = ({ body }: Asked) => ({ jsonrpc: '2.0', id: body!.id, result: results[body!.method!] });

test('connects, keeps its session and version, and reads all pages of tools', async () => {
  const pages = [{ tools: [{ name: 'a', inputSchema: {} }], nextCursor: 'x' }, { tools: [{ name: 'b', inputSchema: {} }] }];
  const { client, all } = served((asked) => {
    if (asked.body?.id === undefined) return new Response(null, { status: 202 });
    if (asked.body.method === 'tools/list') return json({ id: asked.body.id, result: pages[asked.body.params?.cursor === 'x' ? 1 : 0] });
    return json(answerTo(asked), { 'Mcp-Session-Id': 's1' });
  }, 'secret');
  await client.connect(signal);
  expect((await client.tools(signal)).map(({ name }) => name)).toEqual(['a', 'b']);
  expect(all.map(({ body }) => body?.method)).toEqual(['initialize', 'notifications/initialized', 'tools/list', 'tools/list']);
  expect(all[0]!.headers.get('mcp-session-id')).toBeNull();
  for (const { headers } of all.slice(1)) {
    expect(headers.get('mcp-session-id')).toBe('s1');
    expect(headers.get('mcp-protocol-version')).toBe('2025-03-26');
    expect(headers.get('authorization')).toBe('Bearer secret');
  }
});

test('an answer may come as a stream, behind other messages', async () => {
  const { client, all } = served((asked) => {
    if (asked.body?.method !== 'tools/call') return asked.body?.method ? json(answerTo(asked)) : new Response(null, { status: 202 });
    const events = [{ id: 'p', method: 'ping' }, { method: 'notifications/progress' }, answerTo(asked)];
    return new Response(events.map((event) => `event: message\ndata: ${JSON.stringify(event)}\n\n`).join(''), {
      headers: { 'Content-Type': 'text/event-stream; charset=utf-8' },
    });
  });
  await client.connect(signal);
  expect(await client.call('weather', { city: 'Paris' }, signal)).toEqual({ text: '21 degrees\n[image image/png]', failed: false });
  expect(all.some(({ body }) => body && 'result' in body && (body as { id?: unknown }).id === 'p')).toBe(true);
});

test('an expired session is begun again', async () => {
  let sessions = 0;
  let expired = false;
  const { client } = served((asked) => {
    if (asked.body?.method === 'tools/call' && !expired) {
      expired = true;
      return new Response(null, { status: 404 });
    }
    if (asked.body?.method === 'initialize') ++sessions;
    return json(answerTo(asked), { 'Mcp-Session-Id': `s${sessions}` });
  });
  await client.connect(signal);
  expect((await client.call('weather', {}, signal)).text).toContain('21 degrees');
  expect(sessions).toBe(2);
});

test('a server that knows HTTP with SSE only', async () => {
  let tell!: (text: string) => void;
  const stream = new ReadableStream({
    start: (controller) => (tell = (text) => controller.enqueue(new TextEncoder().encode(text))),
  });
  const { client, all } = served((asked) => {
    if (asked.method === 'GET') {
      tell('event: endpoint\ndata: /messages?session=7\n\n');
      return new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } });
    }
    if (!asked.url.includes('/messages')) return new Response(null, { status: 405 });
    if (asked.body?.id !== undefined) tell(`event: message\ndata: ${JSON.stringify(answerTo(asked))}\n\n`);
    return new Response(null, { status: 202 });
  });
  await client.connect(signal);
  expect((await client.call('weather', {}, signal)).text).toContain('21 degrees');
  expect(all.at(-1)!.url).toBe('http://tools.example/messages?session=7');
  client.close();
});

test('failures are told', async () => {
  const refusing = served(() => new Response(null, { status: 401 })).client;
  await expect(refusing.connect(signal)).rejects.toThrow('the status 401');
  const wrong = served((asked) => json({ id: asked.body?.id, error: { code: -32602, message: 'no such tool' } })).client;
  await expect(wrong.call('x', {}, signal)).rejects.toThrow(ToolServerError);
  const failing = served((asked) => json({ id: asked.body?.id, result: { isError: true, content: [{ type: 'text', text: 'oh' }] } })).client;
  expect(await failing.call('x', {}, signal)).toEqual({ text: 'oh', failed: true });
});
