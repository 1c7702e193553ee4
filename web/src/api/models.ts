// What is served.
import { getJson } from './client';

export interface Model {
  id: string;
  state: 'loaded' | 'loading' | 'unloaded';
  architecture?: string;
  format?: string;
  parameters?: number;
  context?: number; // tokens
  reasons: boolean;
}

interface WireProps {
  models: {
    id: string;
    state: Model['state'];
    architecture?: string;
    format?: string;
    parameters?: number;
    context_length?: number;
    reasons?: boolean;
  }[];
}

export async function models(): Promise<Model[]> {
  const [{ data }, props] = await Promise.all([
    getJson<{ data: { id: string }[] }>('v1/models'),
    getJson<WireProps>('props'),
  ]);
  return data.map(({ id }) => {
    const { context_length: context, reasons = false, state = 'unloaded', architecture, format, parameters } =
      props.models.find((model) => model.id === id) ?? {};
    return { id, state, architecture, format, parameters, context, reasons };
  });
}
