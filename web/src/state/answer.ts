// One answer in progress.
import { signal, type Signal } from '@preact/signals';
import { chat, type CallPiece, type ChatRequest, type Piece } from '../api/chat';
import type { Call, Figures, Message, State, Token } from '../conversation/types';
import { callOf } from './tools';

const kLeastPause = 40; // ms between two looks of the page
const kShare = 2; // a pause is this many times as long as the page's last update, which leaves time for other things
const kHiddenPause = 500; // ms, while the page is hidden and there are no frames

export class Answer {
  readonly content: Signal<string>;
  readonly thoughts: Signal<string>;
  readonly figures: Signal<Figures>;
  readonly calls: Signal<readonly Call[]>;

  private text: string;
  private thought: string;
  private readonly tokens: Token[];
  private called: Call[] = [];
  private readonly before: Figures | undefined; // of the part that is continued
  private count = 0;
  private finish: Message['finish'];
  private readonly asked = performance.now();
  private first = 0;
  private last = 0;
  private painted = 0;
  private cost = 0; // ms from painting until the page had shown it
  private waiting = false;
  private readonly abort = new AbortController();

  constructor(readonly message: Message) {
    this.text = message.content;
    this.thought = message.thoughts ?? '';
    this.tokens = [...(message.tokens ?? [])];
    this.before = message.content === '' ? undefined : message.figures;
    this.content = signal(this.text);
    this.thoughts = signal(this.thought);
    this.calls = signal([]);
    this.figures = signal({ tokens: this.before?.tokens ?? 0 });
  }

  stop(): void {
    this.abort.abort();
  }

  get stopped(): AbortSignal {
    return this.abort.signal;
  }

  // Reads to the end; `onPiece` is called from time to time.
  async read(request: ChatRequest, onPiece: () => void): Promise<Message> {
    let state: State = 'done';
    let error: string | undefined;
    try {
      for await (const pieces of chat(request, this.abort.signal)) {
        for (const piece of pieces) this.take(piece);
        this.paintSoon();
        onPiece();
      }
    } catch (reason) {
      state = this.abort.signal.aborted ? 'stopped' : 'failed';
      if (state === 'failed') error = (reason as Error).message;
    }
    this.paint();
    return { ...this.soFar(), state, error };
  }

  soFar(): Message {
    return {
      ...this.message,
      content: this.text,
      ...(this.thought !== '' && { thoughts: this.thought }),
      ...(this.called.length > 0 && { calls: this.called }),
      ...(this.tokens.length > 0 && { tokens: [...this.tokens] }),
      figures: this.figuresNow(),
      finish: this.finish,
    };
  }

  private usage: Piece['usage'];
  private speeds: Piece['speeds'];

  private take({ text, thought, calls, tokens, finish, usage, speeds }: Piece): void {
    if (text !== undefined || thought !== undefined || calls !== undefined) {
      this.last = performance.now();
      if (this.first === 0) this.first = this.last;
      ++this.count;
    }
    if (text !== undefined) this.text += text;
    if (thought !== undefined) this.thought += thought;
    if (tokens) this.tokens.push(...tokens);
    for (const call of calls ?? []) this.takeCall(call);
    if (finish) this.finish = finish;
    if (usage) this.usage = usage;
    if (speeds) this.speeds = speeds;
  }

  private takeCall({ index, id, name, arguments: more = '' }: CallPiece): void {
    const all = [...this.called];
    const call = all[index] ?? callOf(id, name ?? '');
    all[index] = { ...call, arguments: call.arguments + more };
    this.called = all;
  }

  // A piece is about a token; the server's own count comes at the end.
  private figuresNow(): Figures {
    const seconds = (this.last - this.first) / 1000;
    return {
      tokens: (this.before?.tokens ?? 0) + (this.usage?.tokens ?? this.count),
      seconds: (this.before?.seconds ?? 0) + seconds,
      firstToken: this.before?.firstToken ?? (this.first > 0 ? (this.first - this.asked) / 1000 : undefined),
      promptTokens: this.usage?.promptTokens,
      cachedTokens: this.usage?.cachedTokens,
      speeds: this.speeds,
    };
  }

  private paintSoon(): void {
    if (this.waiting) return;
    this.waiting = true;
    const pause = document.hidden ? kHiddenPause : Math.max(0, Math.max(kLeastPause, kShare * this.cost) - (performance.now() - this.painted));
    setTimeout(() => this.paint(), pause);
  }

  private paint(): void {
    this.waiting = false;
    this.painted = performance.now();
    this.content.value = this.text;
    this.thoughts.value = this.thought;
    this.calls.value = this.called;
    this.figures.value = this.figuresNow();
    requestAnimationFrame(() => setTimeout(() => (this.cost = performance.now() - this.painted)));
  }
}
