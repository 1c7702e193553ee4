import type { Sampling, Settings } from './types';

// The form's fields for numbers; the ranges are the server's.
export interface NumberField {
  name: Exclude<keyof Sampling, 'stop'>;
  label: string;
  hint: string;
  least: number;
  most?: number;
  step: number | 'any';
  unset?: string; // what holds where nothing is set, if not a value of the model's
}

export const kNumberFields: readonly NumberField[] = [
  { name: 'temperature', label: 'Temperature', hint: '0 is always the most likely token; higher is more varied', least: 0, most: 100, step: 'any' },
  { name: 'top_p', label: 'Top P', hint: 'the most likely tokens that together have this probability', least: 0, most: 1, step: 'any' },
  { name: 'top_k', label: 'Top K', hint: 'this many of the most likely tokens; 0 is all', least: 0, step: 1 },
  { name: 'min_p', label: 'Min P', hint: 'tokens with at least this share of the top token’s probability', least: 0, most: 1, step: 'any' },
  { name: 'repetition_penalty', label: 'Repetition penalty', hint: '1 is none', least: 0, step: 'any' },
  { name: 'presence_penalty', label: 'Presence penalty', hint: 'against tokens that were used at all', least: -2, most: 2, step: 'any' },
  { name: 'frequency_penalty', label: 'Frequency penalty', hint: 'against tokens, the more often they were used', least: -2, most: 2, step: 'any' },
  { name: 'max_tokens', label: 'Longest answer', hint: 'in tokens', least: 1, step: 1, unset: 'until the model ends' },
  { name: 'seed', label: 'Seed', hint: 'the same seed gives the same answer', least: 0, step: 1, unset: 'random' },
];

// The conversation's own settings, and the defaults for the others.
export const effective = (defaults: Settings, own: Settings): Settings => ({ ...defaults, ...own });

export function samplingOf(settings: Settings): Sampling {
  const { system: _system, thinking: _thinking, schema: _schema, ...sampling } = settings;
  return sampling;
}

const sorted = (settings: Settings) => JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));

export const equalSettings = (a: Settings, b: Settings): boolean => sorted(a) === sorted(b);
