// JSON as it was written: numbers keep their digits, where the browser tells them.

export class Verbatim {
  constructor(readonly text: string) {}
}

export type JsonValue = null | boolean | number | string | Verbatim | JsonValue[] | { [name: string]: JsonValue };

type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' && context?.source !== undefined ? new Verbatim(context.source) : value;

// The object or list that the text is; undefined for any other text.
export function structureOf(text: string): JsonValue[] | { [name: string]: JsonValue } | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown) as JsonValue[];
  } catch {
    return undefined;
  }
}

// Why the text is no JSON Schema that could be sent; empty: it is one.
export function faultOfSchema(text: string): string {
  if (text.trim() === '') return '';
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? '' : 'a schema is a JSON object';
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
}
