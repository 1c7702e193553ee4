// Bodies against OpenAI's published description, where it is there (it is not part of this repository).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import YAML from 'yaml';
import { root } from './server.mjs';

const file = path.join(root, '..', 'shared', 'eval', 'openai', 'openapi.yaml');
export const there = existsSync(file);

// "nullable" is from before the description's own version, which says null in types.
function withoutNullable(schema) {
  if (Array.isArray(schema)) return schema.map(withoutNullable);
  if (schema === null || typeof schema !== 'object') return schema;
  const { nullable, ...rest } = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, withoutNullable(v)]));
  return nullable === true ? { anyOf: [rest, { type: 'null' }] } : rest;
}

const validators = new Map();
let ajv;

function validatorOf(name) {
  if (!ajv) {
    ajv = new Ajv2020({ strict: false, allErrors: true, discriminator: false, validateFormats: true });
    addFormats(ajv);
    ajv.addFormat('unixtime', true);
    ajv.addSchema(withoutNullable(YAML.parse(readFileSync(file, 'utf8'), { maxAliasCount: -1 })), 'openapi');
  }
  if (!validators.has(name)) validators.set(name, ajv.compile({ $ref: `openapi#/components/schemas/${name}` }));
  return validators.get(name);
}

// Throws with what does not fit. Nothing without the description.
export function expectValid(name, body) {
  if (!there) return;
  const validate = validatorOf(name);
  if (!validate(body))
    throw new Error(`${name}: ${ajv.errorsText(validate.errors.slice(0, 8))}\n${JSON.stringify(body)}`);
}
