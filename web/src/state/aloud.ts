// An answer for screen readers: block by block, since single words would be noise.
import { BlockReader } from '../markdown/blocks';
import { spoken } from '../markdown/spoken';
import { say } from './notices';

export class Aloud {
  private readonly reader = new BlockReader();
  private told = 0;

  // All of it so far.
  take(text: string): void {
    this.reader.read(text);
    for (; this.told < this.reader.closed.length; ++this.told) this.tell(this.reader.closed[this.told]!);
  }

  end(): void {
    this.tell(this.reader.open);
  }

  private tell(raw: string): void {
    const words = spoken(raw);
    if (words !== '') say(words);
  }
}
