// Messages between this page's tabs.
import type { Conversation, Message } from '../conversation/types';

export type Note =
  | { kind: 'put'; conversations: readonly Conversation[]; messages: readonly Message[] }
  | { kind: 'changed'; conversation: string; how: Partial<Conversation>; messages: readonly Message[] }
  | { kind: 'revised'; message: Message }
  | { kind: 'removed'; conversation: string }
  | { kind: 'removedMessages'; conversation: string; ids: readonly string[] }
  | { kind: 'whoAnswers'; message: string }
  | { kind: 'answering'; message: string };

const channel = new BroadcastChannel('ferrum');

export const tell = (note: Note): void => channel.postMessage(note);

export const listen = (listener: (note: Note) => void): void =>
  channel.addEventListener('message', (event: MessageEvent<Note>) => listener(event.data));
