// Export and import of conversations and presets.
import { fileName, fromJson, toJson, toMarkdown } from '../conversation/exchange';
import { merged } from '../conversation/presets';
import type { Conversation } from '../conversation/types';
import { presets } from '../storage/preferences';
import { bundles, conversations, takeIn } from './library';
import { notice } from './notices';

export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export async function exportAll(): Promise<void> {
  const name = `ferrum-${new Date().toISOString().slice(0, 10)}.json`;
  download(name, 'application/json', toJson(await bundles(conversations.value), presets.value));
}

export async function exportJson(conversation: Conversation): Promise<void> {
  download(fileName(conversation.title, 'json'), 'application/json', toJson(await bundles([conversation])));
}

export async function exportMarkdown(conversation: Conversation): Promise<void> {
  const [bundle] = await bundles([conversation]);
  download(fileName(conversation.title, 'md'), 'text/markdown', toMarkdown(bundle!));
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

export async function importFiles(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    try {
      const imported = fromJson(await file.text());
      await takeIn(imported.bundles);
      presets.value = merged(presets.value, imported.presets);
      const counts = [counted(imported.bundles.length, 'conversation')];
      if (imported.presets.length > 0) counts.push(counted(imported.presets.length, 'preset'));
      notice(`${counts.join(' and ')} imported from ${file.name}.`);
    } catch (error) {
      notice(`${file.name}: ${(error as Error).message}.`);
    }
  }
}
