import type { ChatMessage } from '../api/chat';

const kLongest = 60; // characters
const kMostWords = 12; // of a model's title; more are a sentence, not a title
const kShown = 2000; // characters of each message that the model reads for a title

function cut(line: string): string {
  if (line.length <= kLongest) return line;
  const start = line.slice(0, kLongest);
  const space = start.lastIndexOf(' ');
  return `${(space > kLongest / 2 ? start.slice(0, space) : start).trimEnd()}…`;
}

// A conversation's title until it gets another: how its first message begins.
export function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]!.replace(/\s+/g, ' ').trim();
  return line === '' ? 'New conversation' : cut(line);
}

const kRequest =
  'Write a title for this conversation: at most six words, in the language of the conversation, without quotation marks. ' +
  'Answer with the title alone.';

// The conversation so far comes first, so that the server has computed most of the prompt already.
export const titleRequest = (messages: readonly ChatMessage[], answer: string): ChatMessage[] =>
  [...messages, { role: 'assistant' as const, content: answer }]
    .map(({ role, content }): ChatMessage => ({ role, content: content.slice(0, kShown) }))
    .concat({ role: 'user', content: kRequest });

// The title in a model's reply, without what models like to put around it; null where the reply is none.
export function titleFrom(reply: string): string | null {
  const line = reply.trim().split('\n', 1)[0]!;
  const bare = line
    .replace(/^#+\s*/, '')
    .replace(/^[\s"'“”„«»‘’*_`]*(?:title|titel|titre|título)\s*:/iu, '')
    .replace(/^[\s"'“”„«»‘’*_`]+|[\s"'“”„«»‘’*_`.:]+$/gu, '')
    .replace(/\s+/g, ' ');
  return bare === '' || bare.split(' ').length > kMostWords ? null : cut(bare);
}
