// Files attached to a message as text, each in a fence under its name.
export interface Attachment {
  name: string;
  text: string;
}

const kMostBytes = 1_000_000;

export const kLongPaste = 4000; // characters: a longer text that is pasted becomes an attachment

// Throws an Error that says why the file cannot be attached.
export async function attachmentOf(file: File): Promise<Attachment> {
  if (file.type.startsWith('image/') && file.type !== 'image/svg+xml')
    throw new Error('this is an image, and the models here read text only');
  if (file.size > kMostBytes) throw new Error(`the file has ${file.size} bytes; at most ${kMostBytes} can be attached`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error('this is not a text file in UTF-8');
  }
  if (text.includes('\0')) throw new Error('this is not a text file');
  return { name: file.name, text };
}

// The fence is longer than every run of backticks in the text, so that the text cannot close it.
function fenced({ name, text }: Attachment): string {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const end = text.endsWith('\n') ? '' : '\n';
  return `${name.replace(/[\r\n]+/g, ' ')}:\n${fence}\n${text}${end}${fence}`;
}

export const withAttachments = (text: string, attachments: readonly Attachment[]): string =>
  [text, ...attachments.map(fenced)].filter((part) => part !== '').join('\n\n');
