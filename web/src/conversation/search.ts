import type { Conversation, Message } from './types';

export interface Found {
  conversation: Conversation;
  snippet: string; // where the text has it; empty where the title does
}

const kAround = 40; // characters of a snippet before what was found

// Folds case and accents but keeps the length, so that positions in the result are positions in the text.
export function folded(text: string): string {
  let out = '';
  for (const character of text) {
    const plain = character.normalize('NFD')[0]!.toLowerCase();
    out += plain.length === character.length ? plain : character;
  }
  return out;
}

function snippetOf(text: string, at: number): string {
  const from = Math.max(0, at - kAround);
  const part = text.slice(from, at + 2 * kAround).replace(/\s+/g, ' ');
  return `${from > 0 ? '…' : ''}${part.trim()}${text.length > at + 2 * kAround ? '…' : ''}`;
}

// Conversations that contain every word, in their order.
export function search(query: string, conversations: readonly Conversation[], messages: Iterable<Message>): Found[] {
  const words = folded(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return conversations.map((conversation) => ({ conversation, snippet: '' }));
  const texts = new Map<string, { text: string; plain: string }[]>();
  for (const { conversation, content } of messages) {
    const entry = { text: content, plain: folded(content) };
    const known = texts.get(conversation);
    if (known) known.push(entry);
    else texts.set(conversation, [entry]);
  }
  const found: Found[] = [];
  for (const conversation of conversations) {
    const title = folded(conversation.title);
    const all = texts.get(conversation.id) ?? [];
    if (!words.every((word) => title.includes(word) || all.some(({ plain }) => plain.includes(word)))) continue;
    const missing = words.find((word) => !title.includes(word));
    const where = missing === undefined ? undefined : all.find(({ plain }) => plain.includes(missing));
    found.push({ conversation, snippet: where ? snippetOf(where.text, where.plain.indexOf(missing!)) : '' });
  }
  return found;
}
