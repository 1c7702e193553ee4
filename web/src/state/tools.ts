// Tools of MCP servers: off until they are switched on, and each call needs the reader's consent.
import { computed, effect, signal } from '@preact/signals';
import type { WireTool } from '../api/chat';
import { McpClient, type Tool } from '../api/mcp';
import type { Call, Message } from '../conversation/types';
import { toolServers, usesTools, type ToolServer } from '../storage/preferences';
import { newId } from '../ids';

const kPatience = 15_000; // ms to connect
const kLongestName = 64; // of a function

export interface Connection {
  server: ToolServer;
  state: 'connecting' | 'ready' | 'failed';
  error?: string;
  tools: readonly Tool[];
  client: McpClient;
}

export const connections = signal<readonly Connection[]>([]);

// An empty document whose policy allows connections to other servers, which this page's does not.
let frame: Promise<Window> | undefined;

function windowForTools(): Promise<Window> {
  frame ??= new Promise((resolve) => {
    const element = document.createElement('iframe');
    element.hidden = true;
    element.title = 'Requests to tool servers';
    element.onload = () => resolve(element.contentWindow!);
    element.setAttribute('src', 'tools.html');
    document.body.append(element);
  });
  return frame;
}

const sendByFrame: typeof fetch = async (input, init) => ((await windowForTools()) as Window & typeof globalThis).fetch(input, init);

function update(changed: Connection): void {
  connections.value = connections.value.map((one) => (one.client === changed.client ? changed : one));
}

async function connect(connection: Connection): Promise<void> {
  const patience = AbortSignal.timeout(kPatience);
  try {
    await connection.client.connect(patience);
    update({ ...connection, state: 'ready', tools: await connection.client.tools(patience) });
  } catch (error) {
    const message = patience.aborted ? 'it does not answer' : (error as Error).message;
    update({ ...connection, state: 'failed', error: message });
  }
}

export function reconnect(): void {
  for (const { client } of connections.peek()) client.close();
  connections.value = (usesTools.peek() ? toolServers.peek() : []).map((server) => ({
    server,
    state: 'connecting',
    tools: [],
    client: new McpClient(server.url, server.token, sendByFrame),
  }));
  for (const connection of connections.peek()) void connect(connection);
}

export function watchTools(): void {
  effect(() => {
    void usesTools.value;
    void toolServers.value;
    reconnect();
  });
}

interface Offered {
  connection: Connection;
  tool: Tool;
}

// By the name that the model knows them by: names of several servers may be the same.
const offered = computed(() => {
  const all = new Map<string, Offered>();
  for (const connection of connections.value)
    for (const tool of connection.tools) {
      const plain = tool.name.replace(/[^\w-]/g, '_').slice(0, kLongestName - 4);
      let name = plain;
      for (let i = 2; all.has(name); ++i) name = `${plain}_${i}`;
      all.set(name, { connection, tool });
    }
  return all;
});

export const wireTools = (): WireTool[] =>
  [...offered.value].map(([name, { tool: { description, inputSchema } }]) => ({
    type: 'function',
    function: { name, ...(description && { description }), parameters: inputSchema },
  }));

export const serverOf = (name: string): string | undefined => offered.value.get(name)?.connection.server.url;

// Consent ----

export type Consent = 'once' | 'always' | 'deny';

export const questions = signal<ReadonlyMap<string, (consent: Consent) => void>>(new Map()); // by call

const always = new Set<string>(); // conversation, server and tool; as long as this page is open

function ask(call: Call, abort: AbortSignal): Promise<Consent> {
  return new Promise((resolve) => {
    const end = (consent: Consent) => {
      const others = new Map(questions.value);
      others.delete(call.id);
      questions.value = others;
      resolve(consent);
    };
    questions.value = new Map(questions.value).set(call.id, end);
    abort.addEventListener('abort', () => end('deny'), { once: true });
  });
}

async function made(call: Call, conversation: string, abort: AbortSignal, onRunning: (call: Call) => Promise<void>): Promise<Call> {
  const found = offered.value.get(call.name);
  if (!found) return { ...call, state: 'failed', result: `There is no tool ${call.name}.` };
  let args: unknown;
  try {
    args = JSON.parse(call.arguments || '{}');
  } catch {
    return { ...call, state: 'failed', result: 'The arguments are not JSON.' };
  }
  const key = JSON.stringify([conversation, found.connection.server.url, found.tool.name]);
  const consent = always.has(key) ? 'always' : await ask(call, abort);
  if (consent === 'deny') return { ...call, state: 'denied', result: 'The user did not allow this call.' };
  if (consent === 'always') always.add(key);
  await onRunning({ ...call, state: 'running' });
  try {
    const { text, failed } = await found.connection.client.call(found.tool.name, args, abort);
    return { ...call, state: failed ? 'failed' : 'done', result: text };
  } catch (error) {
    return { ...call, state: 'failed', result: abort.aborted ? 'Stopped.' : `The tool server failed: ${(error as Error).message}` };
  }
}

// Makes the calls of an answer, one after the other. `save` gets each change.
export async function runCalls(message: Message, abort: AbortSignal, save: (message: Message) => Promise<unknown>): Promise<Message> {
  let now = message;
  const put = async (index: number, call: Call) => {
    now = { ...now, calls: now.calls!.map((other, i) => (i === index ? call : other)) };
    await save(now);
  };
  for (const [index, call] of (message.calls ?? []).entries()) {
    if (abort.aborted) break;
    await put(index, await made(call, message.conversation, abort, (running) => put(index, running)));
  }
  return now;
}

// Ids tell calls apart here; a server may have sent none.
export const callOf = (id: string | undefined, name: string): Call => ({ id: id || newId(), name, arguments: '', state: 'asked' });
