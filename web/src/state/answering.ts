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
import { add, current, draft, interrupt, isGone, leaf, messages, path, save, saveLast, tree, whenShown } from './library';
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

// What the user asks with. It is taken at once: until the question is stored, another conversation may be shown.
interface Terms {
  model: string;
  settings: Settings;
}

function termsNow(): Terms | null {
  const chosen = model.value;
  if (!chosen) notice('No model is loaded yet.');
  return chosen && { model: chosen.id, settings: settings() };
}

// With what is said so far, of which the last message is continued or answered.
function request(said: readonly Message[], { model, settings }: Terms, continues: boolean): ChatRequest {
  const { system, thinking, schema } = settings;
  return {
    model,
    messages: [
      ...(system ? [{ role: 'system' as const, content: system }] : []),
      ...said.flatMap(wireOf),
    ],
    ...samplingOf(settings),
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
  const kept = await save(end);
  const others = new Map(answers.value);
  others.delete(message.id);
  answers.value = others;
  if (end.state === 'failed') say(`The answer failed: ${end.error}`);
  else say(end.state === 'stopped' ? 'Stopped.' : 'The answer is complete.');
  void refresh(); // the request may have loaded the model, or the server may be gone
  if (!kept) return;
  void nameAfter(end, asked);
  if (calls && end.state === 'done') await goOnBehind(end);
}

// With the results of its calls, so long as the reader looks at it.
async function goOnBehind(message: Message): Promise<void> {
  if (current.value?.id !== message.conversation || leaf.value !== message.id) return;
  const said = pathTo(tree.value, message.id);
  const question = said.findLastIndex(({ role }) => role === 'user');
  if (said.length - 1 - question >= kMostSteps) return notice(`The model called tools ${kMostSteps} times in a row: it was stopped here.`);
  await answerTo(message.conversation, said);
}

async function answerTo(conversation: string, said: readonly Message[], terms = termsNow()): Promise<void> {
  if (!terms) return;
  const asked = request(said, terms, false);
  const parent = said.at(-1)?.id ?? null;
  const message = await add(conversation, { parent, role: 'assistant', content: '', state: 'streaming', model: terms.model });
  await run(message, asked);
}

async function ask(content: string, said: readonly Message[]): Promise<void> {
  const terms = termsNow();
  const conversation = current.value?.id ?? null;
  const question = await add(conversation, { parent: said.at(-1)?.id ?? null, role: 'user', content, state: 'done' });
  if (terms) await answerTo(question.conversation, [...said, question], terms);
}

export async function send(content: string): Promise<void> {
  await whenShown();
  await ask(content, path.value);
}

// Adds a branch at this message.
export async function edit(message: Message, content: string): Promise<void> {
  const { conversation, parent, model } = message;
  if (message.role === 'user') return ask(content, pathTo(tree.value, parent));
  await add(conversation, { parent, role: 'assistant', content, state: 'done', model });
}

export const regenerate = ({ conversation, parent }: Message): Promise<void> => answerTo(conversation, pathTo(tree.value, parent));

export async function goOn(message: Message): Promise<void> {
  const terms = termsNow();
  if (!terms) return;
  const going: Message = { ...message, state: 'streaming', error: undefined, model: terms.model };
  const asked = request(pathTo(tree.value, message.id), terms, true);
  if (await save(going)) await run(going, asked);
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
    if (messages.value.get(message.id)?.state === 'streaming' && !answers.value.has(message.id)) void interrupt(message.id);
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
  // The answer to a message that was removed, here or in another tab, has no reader.
  effect(() => answers.value.forEach((answer) => isGone(answer.message) && answer.stop()));
  addEventListener('pagehide', () => answers.value.forEach((answer) => saveLast({ ...answer.soFar(), state: 'interrupted' })));
}

