// POST /tokenize
import { call } from './client';

// How many tokens the model makes of a text.
export async function countTokens(model: string, content: string, signal: AbortSignal): Promise<number> {
  const response = await call('tokenize', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model, content, special: false }),
    signal,
  });
  return ((await response.json()) as { count: number }).count;
}
