// Titles that the model gives to conversations, after its first answer.
import type { ChatRequest } from '../api/chat';
import { askForTitle } from '../api/title';
import { isSmall } from '../conversation/examples';
import { titleFrom, titleOf, titleRequest } from '../conversation/title';
import type { Message } from '../conversation/types';
import { makesTitles } from '../storage/preferences';
import { conversations, rename } from './library';
import { models } from './server';

// Only a conversation that is still called by its first words gets a title. A failure leaves it as it is.
export async function nameAfter(answer: Message, { model, messages, continues }: ChatRequest): Promise<void> {
  const questions = messages.filter(({ role }) => role !== 'system');
  const parameters = models.value.find(({ id }) => id === model)?.parameters;
  if (!makesTitles.value || answer.state !== 'done' || answer.content === '' || isSmall(parameters)) return;
  if (continues || questions.length !== 1) return;
  const fallback = titleOf(questions[0]!.content);
  const unnamed = () => conversations.value.find(({ id, title }) => id === answer.conversation && title === fallback);
  if (!unnamed()) return;
  try {
    const title = titleFrom(await askForTitle(model, titleRequest(messages, answer.content)));
    const conversation = unnamed(); // it may have been renamed or deleted meanwhile
    if (title !== null && conversation) await rename(conversation, title);
  } catch {
    // The first words remain.
  }
}
