// Sending messages and receiving answers.
import { effect, signal } from '@preact/signals';
import type { ChatRequest } from '../api/chat';
import { effective, samplingOf } from '../conversation/settings';
import { pathTo } from '../conversation/tree';
import type { Message, Settings } from '../conversation/types';
import { wireOf } from '../conversation/wire';
import { defaults, showsChances } from '../storage/preferences';
import { listen, tell } from '../storage/tabs';
import { Aloud } from './aloud';
import { Answer } from './answer';
import { add, current, draft, leaf, messages, path, save, tree } from './library';
import { nameAfter } from './naming';
import { notice, say } from './notices';
import { model, refresh } from './server';
import { runCalls, wireTools } from './tools';

const kSavePause = 1000; // ms
const kMostSteps = 20; // answers with calls in a row
const kChances = 5; // alternatives shown for each token
const kReplyPatience = 1500; // ms for other tabs to say that an answer is theirs

export const answers = signal<ReadonlyMap<string, Answer>>(new Map()); // that this tab reads, by message

export const settings = (): Settings => effective(defaults.value, current.value?.settings ?? draft.value);

function request(message: Message, modelId: string): ChatRequest {
  const { system, thinking, schema } = settings();
  const continues = message.content !== '';
  const said = pathTo(tree.value, continues ? message.id : message.parent);
  return {
    model: modelId,
    messages: [
      ...(system ? [{ role: 'system' as const, content: system }] : []),
      ...said.flatMap(wireOf),
    ],
    ...samplingOf(settings()),
    thinking,
    // A rule is about a whole answer.
    ...(!continues && { schema, tools: wireTools() }),
    chances: showsChances.value ? kChances : 0,
    continues,
  };
}

async function run(message: Message, asked: ChatRequest): Promise<void> {
  const answer = new Answer(message);
  answers.value = new Map(answers.value).set(message.id, answer);
  say('The model answers.');
  const aloud = new Aloud();
  const silence = effect(() => {
    if (leaf.value === message.id) aloud.take(answer.content.value);
  });
  let saved = performance.now();
  let end = await answer.read(asked, () => {
    if (performance.now() - saved < kSavePause) return;
    saved = performance.now();
    void save(answer.soFar());
  });
  const calls = end.state === 'done' && end.calls !== undefined;
  if (calls) {
    say('The model asks for calls of tools.');
    end = await runCalls({ ...end, state: 'streaming' }, answer.stopped, save);
    end = { ...end, state: answer.stopped.aborted ? 'stopped' : 'done' };
  }
  silence();
  if (leaf.value === message.id) aloud.end();
  await save(end);
  const others = new Map(answers.value);
  others.delete(message.id);
  answers.value = others;
  if (end.state === 'failed') say(`The answer failed: ${end.error}`);
  else say(end.state === 'stopped' ? 'Stopped.' : 'The answer is complete.');
  void refresh(); // the request may have loaded the model, or the server may be gone
  void nameAfter(end, asked);
  if (calls && end.state === 'done') await goOnBehind(end);
}

// With the results of its calls, so long as the reader looks at it.
async function goOnBehind(message: Message): Promise<void> {
  if (current.value?.id !== message.conversation || leaf.value !== message.id) return;
  const said = pathTo(tree.value, message.id);
  const question = said.findLastIndex(({ role }) => role === 'user');
  if (said.length - 1 - question >= kMostSteps) return notice(`The model called tools ${kMostSteps} times in a row: it was stopped here.`);
  await answerTo(message.id);
}

async function answerTo(parent: string | null): Promise<void> {
  const chosen = model.value;
  if (!chosen) return notice('No model is loaded yet.');
  const message = await add({ parent, role: 'assistant', content: '', state: 'streaming', model: chosen.id });
  await run(message, request(message, chosen.id));
}

async function ask(content: string, parent: string | null): Promise<void> {
  const message = await add({ parent, role: 'user', content, state: 'done' });
  await answerTo(message.id);
}

export const send = (content: string): Promise<void> => ask(content, leaf.value);

// Adds a branch at this message.
export async function edit(message: Message, content: string): Promise<void> {
  if (message.role === 'user') return ask(content, message.parent);
  await add({ parent: message.parent, role: 'assistant', content, state: 'done', model: message.model });
}

export const regenerate = (message: Message): Promise<void> => answerTo(message.parent);

export async function goOn(message: Message): Promise<void> {
  const chosen = model.value;
  if (!chosen) return notice('No model is loaded yet.');
  const going: Message = { ...message, state: 'streaming', error: undefined, model: chosen.id };
  const asked = request(message, chosen.id);
  await save(going);
  await run(going, asked);
}

export function stop(message: Message): void {
  answers.value.get(message.id)?.stop();
}

// The answer in progress on the shown branch.
export function stopShown(): boolean {
  const shown = path.value.at(-1);
  if (!shown || !answers.value.has(shown.id)) return false;
  stop(shown);
  return true;
}

export const isAnswering = (): boolean => {
  const shown = path.value.at(-1);
  return shown !== undefined && shown.state === 'streaming';
};

// Marks answers as interrupted whose reading tab was closed.
const asking = new Map<string, ReturnType<typeof setTimeout>>();

function check(message: Message): void {
  if (message.state !== 'streaming' || answers.value.has(message.id) || asking.has(message.id)) return;
  tell({ kind: 'whoAnswers', message: message.id });
  const giveUp = () => {
    asking.delete(message.id);
    const now = messages.value.get(message.id);
    if (now?.state === 'streaming' && !answers.value.has(now.id)) void save({ ...now, state: 'interrupted' });
  };
  asking.set(message.id, setTimeout(giveUp, kReplyPatience));
}

export const checkAnswers = (): void => messages.value.forEach(check);

export function watchTabs(): void {
  listen((note) => {
    if (note.kind === 'whoAnswers' && answers.value.has(note.message)) tell({ kind: 'answering', message: note.message });
    if (note.kind === 'answering') {
      clearTimeout(asking.get(note.message));
      asking.delete(note.message);
    }
  });
  addEventListener('pagehide', () => answers.value.forEach((answer) => void save({ ...answer.soFar(), state: 'interrupted' })));
}

