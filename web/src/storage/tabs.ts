// Messages between this page's tabs.
import type { Conversation, Message } from '../conversation/types';

export type Note =
  | { kind: 'put'; conversations: Conversation[]; messages: Message[] }
  | { kind: 'removed'; conversation: string }
  | { kind: 'removedMessages'; conversation: string; ids: string[] }
  | { kind: 'whoAnswers'; message: string }
  | { kind: 'answering'; message: string };

const channel = new BroadcastChannel('ferrum');

export const tell = (note: Note): void => channel.postMessage(note);

export const listen = (listener: (note: Note) => void): void =>
  channel.addEventListener('message', (event: MessageEvent<Note>) => listener(event.data));
