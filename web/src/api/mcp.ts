// A client of the Model Context Protocol over streamable HTTP, and over HTTP with SSE, which came before it
// (https://modelcontextprotocol.io/specification). Only tools are used.
import { EventReader } from './events';

export interface Tool {
  name: string;
  description?: string;
  inputSchema: object;
}

export interface ToolResult {
  text: string;
  failed: boolean;
}

interface Rpc {
  id?: number | string;
  method?: string;
  result?: unknown;
  error?: { message?: string };
}

interface Asked {
  id: number;
  method: string;
  params: object;
}

const kVersion = '2025-06-18';
const kMostPages = 100; // of a list of tools

// `status` 0: no response.
export class ToolServerError extends Error {
  constructor(
    message: string,
    readonly status = 0,
  ) {
    super(message);
  }
}

async function* eventsOf(response: Response): AsyncGenerator<string> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const events = new EventReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* events.take(decoder.decode(value, { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

const isStream = (response: Response) => (response.headers.get('content-type') ?? '').startsWith('text/event-stream');

interface Content {
  type: string;
  text?: string;
  mimeType?: string;
  resource?: { uri?: string; text?: string };
}

const textOf = ({ type, text, mimeType, resource }: Content): string =>
  text ?? resource?.text ?? `[${type}${mimeType ? ` ${mimeType}` : ''}${resource?.uri ? ` ${resource.uri}` : ''}]`;

export class McpClient {
  private session: string | null = null;
  private version: string | undefined; // agreed on
  private last = 0; // id of a request
  private endpoint: string | undefined; // of HTTP with SSE
  private readonly waiting = new Map<number, (answer: Rpc) => void>(); // for what comes over its stream
  private readonly gone = new AbortController();

  // `send` is the window's fetch, or one with another policy.
  constructor(
    private readonly url: string,
    private readonly token: string | undefined,
    private readonly send: typeof fetch,
  ) {}

  // Throws ToolServerError, here and below.
  async connect(signal: AbortSignal): Promise<void> {
    try {
      await this.initialize(signal);
    } catch (error) {
      const status = error instanceof ToolServerError ? error.status : 0;
      if (status !== 400 && status !== 404 && status !== 405) throw error;
      await this.openStream(signal); // an older server
      await this.initialize(signal);
    }
    await this.post({ method: 'notifications/initialized' }, signal);
  }

  close(): void {
    this.gone.abort();
  }

  async tools(signal: AbortSignal): Promise<Tool[]> {
    const all: Tool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < kMostPages; ++page) {
      const list = (await this.request('tools/list', cursor === undefined ? {} : { cursor }, signal)) as {
        tools?: Tool[];
        nextCursor?: string;
      };
      all.push(...(list.tools ?? []));
      cursor = list.nextCursor;
      if (cursor === undefined) break;
    }
    return all;
  }

  async call(name: string, args: unknown, signal: AbortSignal): Promise<ToolResult> {
    const ask = () => this.request('tools/call', { name, arguments: args }, signal);
    const expired = (error: unknown) => error instanceof ToolServerError && error.status === 404 && this.session !== null;
    const result = (await ask().catch(async (error: unknown) => {
      if (!expired(error)) throw error;
      this.session = null;
      await this.connect(signal);
      return ask();
    })) as { content?: Content[]; structuredContent?: unknown; isError?: boolean };
    const text = (result.content ?? []).map(textOf).join('\n');
    return { text: text || JSON.stringify(result.structuredContent ?? null), failed: result.isError === true };
  }

  private async initialize(signal: AbortSignal): Promise<void> {
    this.version = undefined;
    const params = { protocolVersion: kVersion, capabilities: {}, clientInfo: { name: 'ferrum', version: '1' } };
    const { protocolVersion } = (await this.request('initialize', params, signal)) as { protocolVersion?: string };
    this.version = protocolVersion ?? kVersion;
  }

  private async fetch(url: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const headers = {
      ...init.headers,
      ...(this.token && { Authorization: `Bearer ${this.token}` }),
      ...(this.session !== null && { 'Mcp-Session-Id': this.session }),
      ...(this.version !== undefined && { 'MCP-Protocol-Version': this.version }),
    };
    let response: Response;
    try {
      response = await this.send(url, { ...init, headers, signal, credentials: 'omit', cache: 'no-store' });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ToolServerError('it cannot be reached, or does not allow requests of this page (CORS)');
    }
    if (!response.ok) throw new ToolServerError(`it answered with the status ${response.status}`, response.status);
    return response;
  }

  private async post(message: object, signal: AbortSignal): Promise<Response> {
    const response = await this.fetch(
      this.endpoint ?? this.url,
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      },
      signal,
    );
    this.session = response.headers.get('mcp-session-id') ?? this.session;
    return response;
  }

  private async request(method: string, params: object, signal: AbortSignal): Promise<unknown> {
    const asked = { id: ++this.last, method, params };
    const answer = await (this.endpoint === undefined ? this.ask(asked, signal) : this.askByStream(asked, signal));
    if (answer.error) throw new ToolServerError(answer.error.message ?? `it refused ${method}`);
    return answer.result ?? {};
  }

  private async ask(message: Asked, signal: AbortSignal): Promise<Rpc> {
    const response = await this.post(message, signal);
    if (!isStream(response)) return (await response.json()) as Rpc;
    for await (const data of eventsOf(response)) {
      const answer = JSON.parse(data) as Rpc;
      if (answer.id === message.id && answer.method === undefined) return answer;
      this.answerTo(answer);
    }
    throw new ToolServerError('it ended the connection before it answered');
  }

  // What servers ask of clients: only whether they are there.
  private answerTo({ id, method }: Rpc): void {
    if (id === undefined || method === undefined) return;
    const answer = method === 'ping' ? { result: {} } : { error: { code: -32601, message: 'not supported' } };
    void this.post({ id, ...answer }, this.gone.signal).catch(() => undefined);
  }

  // Its first event says where requests go; the others are answers.
  private async openStream(signal: AbortSignal): Promise<void> {
    const response = await this.fetch(this.url, { headers: { Accept: 'text/event-stream' } }, this.gone.signal);
    const events = eventsOf(response);
    const abort = () => this.close();
    signal.addEventListener('abort', abort);
    const first = await events.next();
    signal.removeEventListener('abort', abort);
    const endpoint = first.done ? undefined : new URL(first.value, this.url);
    if (endpoint?.origin !== new URL(this.url).origin) throw new ToolServerError('it is no MCP server');
    this.endpoint = endpoint.href;
    void this.readStream(events);
  }

  private async readStream(events: AsyncGenerator<string>): Promise<void> {
    try {
      for await (const data of events) {
        const answer = JSON.parse(data) as Rpc;
        if (answer.method !== undefined) this.answerTo(answer);
        else if (typeof answer.id === 'number') this.waiting.get(answer.id)?.(answer);
      }
    } catch {
      // Its end is reported below.
    }
    for (const tell of this.waiting.values()) tell({ error: { message: 'it ended the connection' } });
  }

  private async askByStream(message: Asked, signal: AbortSignal): Promise<Rpc> {
    const answer = new Promise<Rpc>((resolve, reject) => {
      this.waiting.set(message.id, resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      await Promise.all([this.post(message, signal), answer]);
      return await answer;
    } finally {
      this.waiting.delete(message.id);
    }
  }
}
