// A title for a conversation, by the model that answered in it.
import { call } from './client';
import type { ChatMessage } from './chat';

const kMostTokens = 24;
const kPriority = -1; // behind the answers that people wait for

// What the model says, as it stands. Throws as call() does.
export async function askForTitle(model: string, messages: readonly ChatMessage[]): Promise<string> {
  const response = await call('v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      model,
      messages,
      max_tokens: kMostTokens,
      temperature: 0,
      priority: kPriority,
      chat_template_kwargs: { enable_thinking: false },
    }),
  });
  const { choices } = (await response.json()) as { choices: { message: { content?: string | null } }[] };
  return choices[0]?.message.content ?? '';
}
