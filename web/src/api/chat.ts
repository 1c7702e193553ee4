// POST /v1/chat/completions as a stream.
import type { Sampling, Speeds, Token } from '../conversation/types';
import { call } from './client';
import { ServerError, Unreachable } from './errors';
import { EventReader } from './events';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

export interface WireTool {
  type: 'function';
  function: { name: string; description?: string; parameters: object };
}

export interface ChatRequest extends Sampling {
  model: string;
  messages: ChatMessage[];
  chances: number; // alternatives to each token that the server sends; 0: neither these nor chances
  continues: boolean; // the last message is how the answer begins
  thinking?: 'off';
  schema?: string; // JSON
  tools?: WireTool[];
}

// A part of a call: what comes first has its id and name.
export interface CallPiece {
  index: number;
  id?: string;
  name?: string;
  arguments?: string;
}

export interface Piece {
  text?: string;
  thought?: string;
  tokens?: Token[];
  calls?: CallPiece[];
  finish?: 'stop' | 'length' | 'tool_calls';
  usage?: { tokens: number; promptTokens: number; cachedTokens: number };
  speeds?: Speeds;
}

export function bodyOf({ chances, continues, thinking, schema, tools = [], ...rest }: ChatRequest): object {
  return {
    ...rest,
    stream: true,
    stream_options: { include_usage: true },
    timings_per_token: true,
    ...(chances > 0 && { logprobs: true, top_logprobs: chances }),
    ...(continues && { continue_final_message: true }),
    ...(schema && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: JSON.parse(schema) as object } },
    }),
    ...(tools.length > 0 && { tools }),
    ...(thinking === 'off' && { chat_template_kwargs: { enable_thinking: false } }),
  };
}

interface WireChance {
  token: string;
  logprob: number;
}
interface WireCall {
  index: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}
interface WireChunk {
  error?: { message?: string; code?: string };
  choices?: {
    delta: { content?: string | null; reasoning_content?: string | null; tool_calls?: WireCall[] | null };
    logprobs?: { content?: (WireChance & { top_logprobs: WireChance[] })[] } | null;
    finish_reason?: Piece['finish'] | null;
  }[];
  usage?: {
    prompt_tokens: number;
    completion_tokens: number;
    prompt_tokens_details?: { cached_tokens?: number };
  } | null;
  timings?: { prompt_per_second: number; predicted_per_second: number };
}

const chanceOf = ({ token, logprob }: WireChance) => ({ text: token, logprob });

// Of one event's data. Throws ServerError where the event reports a failure.
export function pieceOf(data: string): Piece {
  const { error, choices, usage, timings } = JSON.parse(data) as WireChunk;
  if (error) throw new ServerError(error.message ?? 'the answer failed', 200, error.code);
  const piece: Piece = {};
  const choice = choices?.[0];
  if (choice?.delta.content) piece.text = choice.delta.content;
  if (choice?.delta.reasoning_content) piece.thought = choice.delta.reasoning_content;
  const calls = choice?.delta.tool_calls;
  if (calls?.length)
    piece.calls = calls.map(({ index, id, function: f }) => ({ index, id, name: f?.name, arguments: f?.arguments }));
  if (choice?.finish_reason) piece.finish = choice.finish_reason;
  const tokens = choice?.logprobs?.content;
  if (tokens?.length) piece.tokens = tokens.map((t) => ({ ...chanceOf(t), others: t.top_logprobs.map(chanceOf) }));
  if (usage)
    piece.usage = {
      tokens: usage.completion_tokens,
      promptTokens: usage.prompt_tokens,
      cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    };
  if (timings) piece.speeds = { prompt: timings.prompt_per_second, answer: timings.predicted_per_second };
  return piece;
}

// The pieces of an answer while they arrive; those of one network read are one array. Throws as call() does, and
// Unreachable where the connection ends before the answer does.
export async function* chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<Piece[]> {
  const response = await call('v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(bodyOf(request)),
    signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const events = new EventReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: Error) => {
      if (signal.aborted) throw error;
      return { done: true as const, value: undefined };
    });
    if (done) throw new Unreachable('the connection ended before the answer was complete');
    const data = events.take(value);
    const ended = data.at(-1) === '[DONE]';
    if (ended) data.pop();
    yield* together(data);
    if (ended) return;
  }
}

// Pieces that arrived before a failure are yielded first.
function* together(data: string[]): Generator<Piece[]> {
  const pieces: Piece[] = [];
  try {
    for (const event of data) pieces.push(pieceOf(event));
  } finally {
    if (pieces.length > 0) yield pieces;
  }
}
