// Messages as the server reads them.
import type { ChatMessage } from '../api/chat';
import type { Message } from './types';

const kNotMade = 'The call was not made.';

// An answer with calls is followed by their results.
export function wireOf({ role, content, calls = [] }: Message): ChatMessage[] {
  if (calls.length === 0) return [{ role, content }];
  const tool_calls = calls.map(({ id, name, arguments: args }) => ({ id, type: 'function' as const, function: { name, arguments: args } }));
  const results = calls.map(({ id, result = kNotMade }) => ({ role: 'tool' as const, content: result, tool_call_id: id }));
  return [{ role: 'assistant', content, tool_calls }, ...results];
}
