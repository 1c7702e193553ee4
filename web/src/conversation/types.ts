// The data types. A conversation is a tree of messages: each names its parent, and the children of one parent
// are its branches.

// Fields that are copied into requests; absent ones use the model's recommendation.
export interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  repetition_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  max_tokens?: number;
  seed?: number;
  stop?: string[];
}

export interface Settings extends Sampling {
  system?: string;
  thinking?: 'off'; // absent: the model template's default
  schema?: string; // a JSON Schema that answers keep
}

// Settings under a name.
export interface Preset {
  name: string;
  settings: Settings;
}

export interface Conversation {
  id: string;
  title: string;
  created: number; // ms since 1970
  updated: number;
  pinned?: true; // listed above all others
  leaf: string | null; // the message at the end of the branch that is shown
  model?: string;
  settings: Settings; // what differs from the defaults
}

export type Role = 'user' | 'assistant';

// streaming: a tab is reading it. interrupted: that tab was closed.
export type State = 'done' | 'streaming' | 'stopped' | 'failed' | 'interrupted';

export interface Chance {
  text: string;
  logprob: number;
}

// A token that was drawn, and its alternatives.
export interface Token extends Chance {
  others: Chance[];
}

export interface Figures {
  tokens: number; // of the answer
  promptTokens?: number;
  cachedTokens?: number; // of the prompt: those that were not computed again
  firstToken?: number; // seconds from asking
  seconds?: number; // from the first token to the last, by the browser's clock
  speeds?: Speeds; // of the request that ended last
}

// Tokens per second, by the server's clock. 0: nothing had to be computed.
export interface Speeds {
  prompt: number;
  answer: number;
}

// A call of a tool by the model.
export interface Call {
  id: string;
  name: string;
  arguments: string; // JSON
  state: 'asked' | 'running' | 'done' | 'failed' | 'denied';
  result?: string; // that the model gets
}

export interface Message {
  id: string;
  conversation: string;
  parent: string | null;
  role: Role;
  content: string;
  thoughts?: string;
  created: number;
  state: State;
  model?: string;
  finish?: 'stop' | 'length' | 'tool_calls';
  calls?: Call[];
  error?: string; // in the server's words
  figures?: Figures;
  tokens?: Token[];
}
