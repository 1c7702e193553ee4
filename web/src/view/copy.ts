import { notice, say } from '../state/notices';

// Pages from another machine without TLS may not use the newer clipboard API.
async function write(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('the browser does not allow it');
}

export async function copy(text: string): Promise<boolean> {
  try {
    await write(text);
    say('Copied.');
    return true;
  } catch (error) {
    notice(`This could not be copied: ${(error as Error).message}`);
    return false;
  }
}
