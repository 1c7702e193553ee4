import type { Sampling, Settings } from './types';

// What a form asks for each number; the ranges are the server's.
export interface NumberField {
  name: Exclude<keyof Sampling, 'stop'>;
  label: string;
  hint: string;
  least: number;
  most?: number;
  step: number | 'any';
}

export const kNumberFields: readonly NumberField[] = [
  { name: 'temperature', label: 'Temperature', hint: '0 is always the likeliest token; higher is more varied', least: 0, most: 100, step: 'any' },
  { name: 'top_p', label: 'Top P', hint: 'only the likeliest tokens that together have this chance', least: 0, most: 1, step: 'any' },
  { name: 'top_k', label: 'Top K', hint: 'only so many of the likeliest tokens; 0 is all', least: 0, step: 1 },
  { name: 'min_p', label: 'Min P', hint: 'only tokens at least so likely as this share of the likeliest', least: 0, most: 1, step: 'any' },
  { name: 'repetition_penalty', label: 'Repetition penalty', hint: '1 is none', least: 0, step: 'any' },
  { name: 'presence_penalty', label: 'Presence penalty', hint: 'against tokens that were used at all', least: -2, most: 2, step: 'any' },
  { name: 'frequency_penalty', label: 'Frequency penalty', hint: 'against tokens, the more often they were used', least: -2, most: 2, step: 'any' },
  { name: 'max_tokens', label: 'Longest answer', hint: 'in tokens', least: 1, step: 1 },
  { name: 'seed', label: 'Seed', hint: 'the same seed gives the same answer', least: 0, step: 1 },
];

// The defaults where the conversation is silent.
export const effective = (defaults: Settings, own: Settings): Settings => ({ ...defaults, ...own });

export function samplingOf(settings: Settings): Sampling {
  const { system: _system, thinking: _thinking, ...sampling } = settings;
  return sampling;
}
