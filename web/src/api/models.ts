// The models that the server offers.
import type { Sampling } from '../conversation/types';
import { getJson } from './client';

export interface Model {
  id: string;
  aliases: readonly string[]; // further names that requests may use
  state: 'loaded' | 'loading' | 'unloaded';
  architecture?: string;
  format?: string;
  parameters?: number;
  context?: number; // tokens
  reasons: boolean;
  sampling: Sampling; // what holds where a request sets nothing; empty while the model is not loaded
}

interface WireProps {
  models: {
    id: string;
    aliases?: string[];
    state: Model['state'];
    architecture?: string;
    format?: string;
    parameters?: number;
    context_length?: number;
    reasons?: boolean;
    default_sampling?: Sampling;
  }[];
}

// Each model once: /v1/models lists aliases as entries of their own.
export async function models(): Promise<Model[]> {
  const [{ data }, props] = await Promise.all([
    getJson<{ data: { id: string; alias_of?: string }[] }>('v1/models'),
    getJson<WireProps>('props'),
  ]);
  return data
    .filter(({ alias_of }) => alias_of === undefined)
    .map(({ id }) => {
      const {
        aliases = [], state = 'unloaded', context_length: context, reasons = false, default_sampling: sampling = {},
        architecture, format, parameters,
      } = props.models.find((model) => model.id === id) ?? {};
      return { id, aliases, state, architecture, format, parameters, context, reasons, sampling };
    });
}

export const isNamed = (model: Model, name: string): boolean => model.id === name || model.aliases.includes(name);
