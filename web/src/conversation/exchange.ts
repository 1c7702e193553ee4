// Conversations and presets as files: JSON that can be imported again, and Markdown for people.
import { pathTo, treeOf } from './tree';
import type { Call, Conversation, Message, Preset, Settings } from './types';

const kFormat = 'ferrum-conversations';
const kVersion = 1;

export interface Bundle {
  conversation: Conversation;
  messages: Message[];
}

export interface Export {
  bundles: Bundle[];
  presets: Preset[];
}

export function toJson(bundles: readonly Bundle[], presets: readonly Preset[] = []): string {
  const conversations = bundles.map(({ conversation, messages }) => ({ ...conversation, messages }));
  const more = presets.length > 0 ? { presets } : {};
  return JSON.stringify({ format: kFormat, version: kVersion, conversations, ...more }, null, 1);
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(where: string, what: string): never {
  throw new Error(`${where} ${what}`);
}

function text(fields: Fields, name: string, where: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : refuse(`${where}.${name}`, 'is not a text');
}

function number(fields: Fields, name: string, where: string): number {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse(`${where}.${name}`, 'is not a number');
}

function textOrNull(fields: Fields, name: string, where: string): string | null {
  return fields[name] === null || fields[name] === undefined ? null : text(fields, name, where);
}

const kNumbers = [
  'temperature', 'top_p', 'top_k', 'min_p', 'repetition_penalty', 'presence_penalty', 'frequency_penalty',
  'max_tokens', 'seed',
] as const;

function settingsFrom(value: unknown): Settings {
  const settings: Settings = {};
  if (!isObject(value)) return settings;
  for (const name of kNumbers) if (typeof value[name] === 'number') settings[name] = value[name];
  if (Array.isArray(value.stop)) settings.stop = value.stop.filter((stop) => typeof stop === 'string');
  if (typeof value.system === 'string') settings.system = value.system;
  if (value.thinking === 'off') settings.thinking = 'off';
  if (typeof value.schema === 'string') settings.schema = value.schema;
  return settings;
}

const kCallStates = ['asked', 'running', 'done', 'failed', 'denied'] as const;

function callFrom(value: unknown, where: string): Call {
  if (!isObject(value)) refuse(where, 'is no call');
  const call: Call = {
    id: text(value, 'id', where),
    name: text(value, 'name', where),
    arguments: text(value, 'arguments', where),
    state: kCallStates.find((state) => state === value.state) ?? refuse(`${where}.state`, 'is not known'),
  };
  if (typeof value.result === 'string') call.result = value.result;
  return call;
}

// Token chances and figures are left out: the page has no way to check them.
function messageFrom(value: unknown, conversation: string, where: string): Message {
  if (!isObject(value)) refuse(where, 'is not a message');
  const role = value.role;
  if (role !== 'user' && role !== 'assistant') refuse(`${where}.role`, 'is neither user nor assistant');
  const message: Message = {
    id: text(value, 'id', where),
    conversation,
    parent: textOrNull(value, 'parent', where),
    role,
    content: text(value, 'content', where),
    created: number(value, 'created', where),
    state: value.state === 'done' || value.state === 'stopped' || value.state === 'failed' ? value.state : 'interrupted',
  };
  if (typeof value.thoughts === 'string') message.thoughts = value.thoughts;
  if (typeof value.model === 'string') message.model = value.model;
  if (typeof value.error === 'string') message.error = value.error;
  if (value.finish === 'stop' || value.finish === 'length' || value.finish === 'tool_calls') message.finish = value.finish;
  if (Array.isArray(value.calls)) message.calls = value.calls.map((call, i) => callFrom(call, `${where}.calls[${i}]`));
  return message;
}

function bundleFrom(value: unknown, where: string): Bundle {
  if (!isObject(value)) refuse(where, 'is not a conversation');
  const id = text(value, 'id', where);
  const conversation: Conversation = {
    id,
    title: text(value, 'title', where),
    created: number(value, 'created', where),
    updated: number(value, 'updated', where),
    leaf: textOrNull(value, 'leaf', where),
    settings: settingsFrom(value.settings),
  };
  if (typeof value.model === 'string') conversation.model = value.model;
  if (value.pinned === true) conversation.pinned = true;
  if (!Array.isArray(value.messages)) refuse(`${where}.messages`, 'is not a list');
  return { conversation, messages: value.messages.map((m, i) => messageFrom(m, id, `${where}.messages[${i}]`)) };
}

function presetFrom(value: unknown, where: string): Preset {
  if (!isObject(value)) refuse(where, 'is no preset');
  const name = text(value, 'name', where).trim();
  return name === '' ? refuse(`${where}.name`, 'is empty') : { name, settings: settingsFrom(value.settings) };
}

// Throws an Error that says what is wrong with the file, and where.
export function fromJson(json: string): Export {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    refuse('the file', `is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(value) || value.format !== kFormat || !Array.isArray(value.conversations))
    refuse('the file', 'is not an export of this page');
  if (value.version !== kVersion) refuse('the file', `has the version ${String(value.version)}, which is not known here`);
  const presets = value.presets ?? [];
  if (!Array.isArray(presets)) refuse('presets', 'is not a list');
  return {
    bundles: value.conversations.map((c, i) => bundleFrom(c, `conversations[${i}]`)),
    presets: presets.map((p, i) => presetFrom(p, `presets[${i}]`)),
  };
}

// Between fences that the text cannot close.
function fencedCall(text: string): string {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

// The branch that is shown.
export function toMarkdown({ conversation, messages }: Bundle): string {
  const parts = [`# ${conversation.title}`];
  if (conversation.settings.system) parts.push(`> ${conversation.settings.system.replaceAll('\n', '\n> ')}`);
  for (const message of pathTo(treeOf(messages), conversation.leaf)) {
    parts.push(`## ${message.role === 'user' ? 'You' : (message.model ?? 'Assistant')}`);
    if (message.thoughts)
      parts.push(`<details><summary>Thoughts</summary>\n\n${message.thoughts.trim()}\n\n</details>`);
    parts.push(message.content.trim());
    for (const { name, arguments: args, result } of message.calls ?? [])
      parts.push(fencedCall(`${name}(${args})`), ...(result === undefined ? [] : [fencedCall(result)]));
  }
  return `${parts.join('\n\n')}\n`;
}

// A file name that is valid on every system.
export function fileName(title: string, ending: string): string {
  const plain = title.normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${plain.toLowerCase() || 'conversation'}.${ending}`;
}
